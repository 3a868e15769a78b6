mod accounts;
mod refresh;
mod sign_in;
