//! Signing in and out, and renewing what was signed in. These calls carry no request id and are
//! sent once, but for the exchange of a refresh token, which may be repeated for a while; whoever
//! repeats another decides that anew.

use std::time::Duration;

use boxoffice_proto::identity::v1::identity_service_client::IdentityServiceClient;
use boxoffice_proto::identity::v1::{
    ChangePasswordRequest, ChangePasswordResponse, CreateGuestSessionRequest,
    CreateGuestSessionResponse, IssueServiceTokenRequest, IssueServiceTokenResponse, LoginRequest,
    LoginResponse, LogoutRequest, LogoutResponse, RefreshTokenRequest, RefreshTokenResponse,
    RegisterRequest, RegisterResponse, RequestPasswordResetRequest, RequestPasswordResetResponse,
    ResetPasswordRequest, ResetPasswordResponse, TokenPair, VerifyEmailRequest,
    VerifyEmailResponse,
};
use boxoffice_proto::r#type::v1::ErrorReason;
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::client::Client;
use crate::error::Error;
use crate::retry::{Backoff, CALL_TRIES_MAX};

/// How long one try to exchange a refresh token may take.
const EXCHANGE_TRY_MAX: Duration = Duration::from_secs(3);
/// How long after the first try another may begin. The server gives the same answer again for ten
/// seconds; what comes later it takes for theft and ends the sign-in.
const EXCHANGE_REPEATED: Duration = Duration::from_secs(9);

impl Client {
    /// Makes an account and signs it in.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::EmailTaken`] when there is an account with this e-mail,
    /// [`ErrorReason::InvalidFields`] when the guest of `guest_refresh_token` cannot be taken over.
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
    /// [`ErrorReason::CredentialsWrong`] when the e-mail is unknown or the password wrong,
    /// [`ErrorReason::LoginThrottled`] when that was so too often, [`ErrorReason::InvalidFields`]
    /// when the guest of `guest_refresh_token` cannot be taken over.
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

    /// Opens a guest session in the name of the service that is signed in here, and gives a client
    /// that acts as that guest. This client goes on as the service.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::ScopeMissing`] when the service may not do that.
    pub async fn create_guest_client(
        &self,
        request: CreateGuestSessionRequest,
    ) -> Result<(Client, CreateGuestSessionResponse), Error> {
        let response = self
            .call_signed_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).create_guest_session(request).await
            })
            .await?;
        let guest = self.another_session();
        guest.set_tokens(response.tokens.clone());
        Ok((guest, response))
    }

    /// Exchanges the secret of a service account for an access token and acts in the service's name
    /// from now on. The secret is kept in memory and gets every next token.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::ServiceSecretWrong`] when the account is unknown or disabled or the secret
    /// wrong, [`ErrorReason::LoginThrottled`] when that was so too often.
    pub async fn issue_service_token(
        &self,
        request: IssueServiceTokenRequest,
    ) -> Result<IssueServiceTokenResponse, Error> {
        let _turn = self.session().turn().await;
        let response = self.exchange_secret(request.clone()).await?;
        self.set_tokens(Some(service_tokens(&response)));
        self.session().keep_secret(Some(request));
        Ok(response)
    }

    async fn exchange_secret(
        &self,
        request: IssueServiceTokenRequest,
    ) -> Result<IssueServiceTokenResponse, Error> {
        self.call_once(request, |channel, request| async move {
            IdentityServiceClient::new(channel).issue_service_token(request).await
        })
        .await
    }

    /// Notes that an e-mail address is its user's, by the token of a mail.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::MailTokenInvalid`] when the token is forged or too old.
    pub async fn verify_email(
        &self,
        request: VerifyEmailRequest,
    ) -> Result<VerifyEmailResponse, Error> {
        self.call_once(request, |channel, request| async move {
            IdentityServiceClient::new(channel).verify_email(request).await
        })
        .await
    }

    /// Changes the password of whoever is signed in. Every other sign-in of the account ends.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::CredentialsWrong`] when the current password is another one.
    pub async fn change_password(
        &self,
        request: ChangePasswordRequest,
    ) -> Result<ChangePasswordResponse, Error> {
        // The change ends the sign-in, so that nobody may renew it meanwhile. It is renewed first,
        // because it cannot be while the turn is held.
        self.bearer().await?;
        let _turn = self.session().turn().await;
        let bearer = self.tokens().map(|tokens| tokens.access_token);
        let response = self
            .call_once_as(bearer.as_deref(), request, |channel, request| async move {
                IdentityServiceClient::new(channel).change_password(request).await
            })
            .await?;
        self.set_tokens(response.tokens.clone());
        Ok(response)
    }

    /// Has a mail sent by which a new password can be set. The answer is the same whether or not
    /// there is such an account.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::InvalidFields`] when the address is malformed.
    pub async fn request_password_reset(
        &self,
        request: RequestPasswordResetRequest,
    ) -> Result<RequestPasswordResetResponse, Error> {
        self.call_once(request, |channel, request| async move {
            IdentityServiceClient::new(channel).request_password_reset(request).await
        })
        .await
    }

    /// Sets a new password by the token of a mail. Every sign-in of the account ends.
    ///
    /// # Errors
    ///
    /// [`ErrorReason::MailTokenInvalid`] when the token is forged, used or too old.
    pub async fn reset_password(
        &self,
        request: ResetPasswordRequest,
    ) -> Result<ResetPasswordResponse, Error> {
        self.call_once(request, |channel, request| async move {
            IdentityServiceClient::new(channel).reset_password(request).await
        })
        .await
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
            if tokens.refresh_token.is_empty() {
                // A service has nothing that could be revoked.
                self.set_tokens(None);
                return Ok(LogoutResponse {});
            }
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
            if tokens.refresh_token.is_empty() {
                return client.renew_service(tokens).await.map(Some);
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

    /// Gets the next token of a service. One whose secret is not known here stays with the token it
    /// has: the server will say when that is over. The caller has the turn.
    async fn renew_service(&self, tokens: TokenPair) -> Result<String, Error> {
        let Some(secret) = self.session().secret() else {
            return Ok(tokens.access_token);
        };
        let response = self.exchange_secret(secret).await?;
        self.session().replace(&tokens.refresh_token, Some(service_tokens(&response)));
        Ok(response.access_token)
    }

    /// Uses a refresh token up. The caller has the turn. An answer that is lost is asked for again
    /// at once: later the server would no longer give it.
    async fn exchange(&self, request: RefreshTokenRequest) -> Result<RefreshTokenResponse, Error> {
        let refresh_token = request.refresh_token.clone();
        let last_try = Instant::now() + EXCHANGE_REPEATED;
        let mut backoff = Backoff::new(CALL_TRIES_MAX);
        let outcome = loop {
            let outcome = self.try_exchange(request.clone()).await;
            let asked = match &outcome {
                Err(error) if error.code() == Code::DeadlineExceeded => None,
                Err(error) if error.is_unavailable() => error.retry_after(),
                Ok(_) | Err(_) => break outcome,
            };
            match backoff.after_failure(asked) {
                Some(delay) if Instant::now() + delay < last_try => sleep(delay).await,
                _ => break outcome,
            }
        };
        match &outcome {
            Ok(response) => self.session().replace(&refresh_token, response.tokens.clone()),
            Err(error) if is_over(error) => self.session().replace(&refresh_token, None),
            Err(_) => {}
        }
        outcome
    }

    async fn try_exchange(
        &self,
        request: RefreshTokenRequest,
    ) -> Result<RefreshTokenResponse, Error> {
        // Whoever waits for it may give up sooner; the exchange goes on.
        let patient = self.clone().with_deadline(EXCHANGE_TRY_MAX);
        patient
            .call_once(request, |channel, request| async move {
                IdentityServiceClient::new(channel).refresh_token(request).await
            })
            .await
    }
}

/// Whether an error says that a refresh token will never work again.
fn is_over(error: &Error) -> bool {
    matches!(error.reason(), ErrorReason::RefreshTokenInvalid | ErrorReason::RefreshTokenReused)
}

/// The tokens of a service, without a refresh token.
fn service_tokens(response: &IssueServiceTokenResponse) -> TokenPair {
    TokenPair {
        access_token: response.access_token.clone(),
        access_expire_time: response.access_expire_time,
        ..TokenPair::default()
    }
}

fn nobody() -> Error {
    Error::local(Code::Unauthenticated, ErrorReason::TokenMissing, "nobody is signed in")
}
