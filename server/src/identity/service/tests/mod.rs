mod accounts;
mod both;
mod passwords;
mod refresh;
mod service_accounts;
mod sign_in;
mod take_over;
mod throttle;
