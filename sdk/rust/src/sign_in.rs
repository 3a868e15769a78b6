//! Signing in and out, and renewing what was signed in. These calls carry no request id and are
//! sent once; whoever repeats them decides that anew.

use boxoffice_proto::identity::v1::identity_service_client::IdentityServiceClient;
use boxoffice_proto::identity::v1::{
    CreateGuestSessionRequest, CreateGuestSessionResponse, LoginRequest, LoginResponse,
    LogoutRequest, LogoutResponse, RefreshTokenRequest, RefreshTokenResponse, RegisterRequest,
    RegisterResponse,
};
use boxoffice_proto::r#type::v1::ErrorReason;
use tonic::Code;

use crate::client::Client;
use crate::error::Error;

impl Client {
    /// Makes an account and signs it in.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::EmailTaken`] when there is an account with this e-mail.
    pub async fn register(&self, request: RegisterRequest) -> Result<RegisterResponse, Error> {
        let _turn = self.session().turn().await;
        let response = self
            .call_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).register(request).await
            })
            .await?;
        self.set_tokens(response.tokens.clone());
        Ok(response)
    }

    /// Signs in.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::CredentialsWrong`] when the e-mail is unknown or the password wrong.
    pub async fn login(&self, request: LoginRequest) -> Result<LoginResponse, Error> {
        let _turn = self.session().turn().await;
        let response = self
            .call_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).login(request).await
            })
            .await?;
        self.set_tokens(response.tokens.clone());
        Ok(response)
    }

    /// Opens a session for a buyer without an account and acts in its name from now on. A backend
    /// opens one for each of its buyers, each on a client of [`Client::another_session`].
    ///
    /// # Errors
    ///
    /// [`ErrorReason::InvalidFields`] when the contact address is malformed.
    pub async fn create_guest_session(
        &self,
        request: CreateGuestSessionRequest,
    ) -> Result<CreateGuestSessionResponse, Error> {
        let _turn = self.session().turn().await;
        let response = self
            .call_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).create_guest_session(request).await
            })
            .await?;
        self.set_tokens(response.tokens.clone());
        Ok(response)
    }

    /// Exchanges a refresh token for the next pair and signs in with it. An empty
    /// `refresh_token` means the one of whoever is signed in.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::RefreshTokenInvalid`] and [`ErrorReason::RefreshTokenReused`]: the sign-in is
    /// over, and its tokens are forgotten.
    pub async fn refresh_token(
        &self,
        mut request: RefreshTokenRequest,
    ) -> Result<RefreshTokenResponse, Error> {
        let _turn = self.session().turn().await;
        if request.refresh_token.is_empty() {
            request.refresh_token = self.tokens().ok_or_else(nobody)?.refresh_token;
            return self.exchange(request).await;
        }
        let response = self.exchange(request).await?;
        self.set_tokens(response.tokens.clone());
        Ok(response)
    }

    /// Renews the tokens now. There is rarely a need: every call does it in time.
    ///
    /// # Errors
    ///
    /// As [`Client::refresh_token`]; [`ErrorReason::TokenMissing`] when nobody is signed in.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.refresh_token(RefreshTokenRequest::default()).await.map(|_| ())
    }

    /// Ends a sign-in and forgets its tokens. An empty `refresh_token` means the one of whoever is
    /// signed in; when nobody is, there is nothing to do.
    ///
    /// # Errors
    ///
    /// Only those of the connection; the tokens are kept then, so that it can be tried again.
    pub async fn logout(&self, mut request: LogoutRequest) -> Result<LogoutResponse, Error> {
        let _turn = self.session().turn().await;
        if request.refresh_token.is_empty() {
            let Some(tokens) = self.tokens() else {
                return Ok(LogoutResponse {});
            };
            request.refresh_token = tokens.refresh_token;
        }
        let refresh_token = request.refresh_token.clone();
        let response = self
            .call_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).logout(request).await
            })
            .await?;
        self.session().replace(&refresh_token, None);
        Ok(response)
    }

    /// Gets another access token than this one, which has expired or will soon. Whoever comes
    /// second finds the work done.
    ///
    /// It runs to its end even if its caller gives up: the old refresh token may be used up by
    /// then, and the next one must not be lost.
    pub(crate) async fn renew(&self, access_token: String) -> Result<Option<String>, Error> {
        let client = self.clone();
        let renewal = tokio::spawn(async move {
            let _turn = client.session().turn().await;
            let Some(tokens) = client.tokens() else {
                return Ok(None);
            };
            if tokens.access_token != access_token {
                return Ok(Some(tokens.access_token));
            }
            let refresh_token = tokens.refresh_token;
            let response = client.exchange(RefreshTokenRequest { refresh_token }).await?;
            Ok(response.tokens.map(|tokens| tokens.access_token))
        });
        renewal.await.unwrap_or_else(|stopped| {
            let message = format!("the renewal of the access token stopped: {stopped}");
            Err(Error::local(Code::Unavailable, ErrorReason::Unspecified, message))
        })
    }

    /// Uses a refresh token up. The caller has the turn.
    async fn exchange(&self, request: RefreshTokenRequest) -> Result<RefreshTokenResponse, Error> {
        let refresh_token = request.refresh_token.clone();
        let outcome = self
            .call_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).refresh_token(request).await
            })
            .await;
        match &outcome {
            Ok(response) => self.session().replace(&refresh_token, response.tokens.clone()),
            Err(error) if is_over(error) => self.session().replace(&refresh_token, None),
            Err(_) => {}
        }
        outcome
    }
}

/// Whether an error says that a refresh token will never work again.
fn is_over(error: &Error) -> bool {
    matches!(error.reason(), ErrorReason::RefreshTokenInvalid | ErrorReason::RefreshTokenReused)
}

fn nobody() -> Error {
    Error::local(Code::Unauthenticated, ErrorReason::TokenMissing, "nobody is signed in")
}
