//! What a server may ask of us before we are in, and what we answer.
//!
//! Two rules do most of the work: a password, or an MD5 hash of it, does not travel where somebody
//! could read it; and a SCRAM exchange is not over before the server has proved that it knows the
//! password too.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt::Write as _;
use core::mem;

use md5::{Digest, Md5};

use crate::message::{
    Authentication, SaslOffer, put_password, put_sasl_initial_response, put_sasl_response, tag,
};
use crate::scram::{Binding, ClientFirst, ServerProof};
use crate::{AuthMethod, Error, Limits, Phase, Refusal, ScramNonce, Secret};

/// How the bytes travel: a fact that whoever owns the socket hands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// TCP in the clear.
    Plain,
    /// A Unix-domain socket: nothing leaves the machine.
    Local,
    /// Inside TLS.
    Tls {
        /// The `tls-server-end-point` hash of the server's certificate (RFC 5929), if the TLS library
        /// can tell it. With it SCRAM-SHA-256-PLUS is possible.
        server_end_point: Option<Vec<u8>>,
    },
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never bind.
    Disable,
    /// Bind where both sides can.
    #[default]
    Prefer,
    /// Bind, or refuse the server.
    Require,
}

/// libpq's `require_auth`: what the server may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedMethods {
    /// Nothing at all: `trust`, or a client certificate.
    pub none: bool,
    /// The password in clear text (inside TLS or on a Unix-domain socket).
    pub password: bool,
    /// An MD5 hash (inside TLS or on a Unix-domain socket).
    pub md5: bool,
    /// SCRAM-SHA-256, with channel binding or without.
    pub scram_sha_256: bool,
}

impl Default for AllowedMethods {
    fn default() -> Self {
        Self { none: true, password: true, md5: true, scram_sha_256: true }
    }
}

/// Everything that authentication needs to know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Credentials {
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// How the bytes travel.
    pub security: Security,
    /// Whether SCRAM has to be bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// What the server may ask for.
    pub allowed: AllowedMethods,
    /// Fresh randomness for SCRAM.
    pub nonce: ScramNonce,
}

impl Credentials {
    /// A password, if there is one, over a channel that everybody can read, for whatever the server asks.
    pub fn new(password: Option<Secret>, nonce: ScramNonce) -> Self {
        let (channel_binding, allowed) = (ChannelBinding::default(), AllowedMethods::default());
        Self { password, security: Security::Plain, channel_binding, allowed, nonce }
    }

    /// Over another channel.
    #[must_use]
    pub fn security(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// With SCRAM bound to the TLS channel, or not.
    #[must_use]
    pub fn channel_binding(self, channel_binding: ChannelBinding) -> Self {
        Self { channel_binding, ..self }
    }

    /// For what the server may ask.
    #[must_use]
    pub fn allowed(self, allowed: AllowedMethods) -> Self {
        Self { allowed, ..self }
    }
}

/// The exchange, turn by turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Authenticator {
    user: Vec<u8>,
    credentials: Credentials,
    limits: Limits,
    turn: Turn,
}

#[derive(Clone, Debug, PartialEq)]
enum Turn {
    /// The server has not asked yet.
    ServerAsks,
    /// client-first is sent.
    Scram(ClientFirst),
    /// client-final is sent: the server has to prove itself.
    ServerProves(ServerProof),
    /// Nothing is left but AuthenticationOk.
    ServerConfirms,
    Done,
}

impl Authenticator {
    pub(crate) fn new(user: &CStr, credentials: Credentials, limits: Limits) -> Self {
        Self { user: user.to_bytes().to_vec(), credentials, limits, turn: Turn::ServerAsks }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.turn == Turn::Done
    }

    pub(crate) fn handle(&mut self, message: Authentication<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        // An error leaves Done behind, which nobody sees: the machine above latches.
        self.turn = match (mem::replace(&mut self.turn, Turn::Done), message) {
            (Turn::ServerAsks, Authentication::Ok) => self.let_in_unasked()?,
            (Turn::ServerAsks, Authentication::CleartextPassword) => self.cleartext(out)?,
            (Turn::ServerAsks, Authentication::Md5Password { salt }) => self.md5(salt, out)?,
            (Turn::ServerAsks, Authentication::Sasl(offer)) => self.begin_scram(offer, out)?,
            (Turn::ServerAsks, Authentication::Unsupported(method)) => {
                return Err(Refusal::Unsupported(method).into());
            }
            (Turn::Scram(first), Authentication::SaslContinue(data)) => {
                let (answer, proof) = first.answer(data, &self.limits)?;
                put_sasl_response(out, &answer);
                Turn::ServerProves(proof)
            }
            (Turn::ServerProves(proof), Authentication::SaslFinal(data)) => {
                proof.verify(data)?;
                Turn::ServerConfirms
            }
            (Turn::ServerConfirms, Authentication::Ok) => Turn::Done,
            (Turn::Scram(_) | Turn::ServerProves(_), Authentication::Ok) => {
                return Err(Refusal::UnprovenServer.into());
            }
            _ => return Err(Error::Unexpected { tag: tag::AUTHENTICATION, phase: Phase::Startup }),
        };
        Ok(())
    }

    fn let_in_unasked(&self) -> Result<Turn, Refusal> {
        self.refuse_unbound("and the server asked for no authentication")?;
        if self.credentials.allowed.none { Ok(Turn::Done) } else { Err(Refusal::NoAuthentication) }
    }

    fn cleartext(&self, out: &mut Vec<u8>) -> Result<Turn, Refusal> {
        let password = self.readable_password(AuthMethod::Password, self.credentials.allowed.password)?;
        put_password(out, password.expose());
        Ok(Turn::ServerConfirms)
    }

    /// `"md5" hex(md5(hex(md5(password user)) salt))`
    fn md5(&self, salt: [u8; 4], out: &mut Vec<u8>) -> Result<Turn, Refusal> {
        let password = self.readable_password(AuthMethod::Md5, self.credentials.allowed.md5)?;
        let inner = hex(&Md5::new().chain_update(password.expose()).chain_update(&self.user).finalize());
        let outer = hex(&Md5::new().chain_update(inner).chain_update(salt).finalize());
        put_password(out, format!("md5{outer}").as_bytes());
        Ok(Turn::ServerConfirms)
    }

    /// The password, for a method that shows it to whoever reads along.
    fn readable_password(&self, method: AuthMethod, allowed: bool) -> Result<&Secret, Refusal> {
        if !allowed {
            return Err(Refusal::MethodNotAllowed(method));
        }
        self.refuse_unbound("and the server asked for a password without it")?;
        if self.credentials.security == Security::Plain {
            return Err(Refusal::Unencrypted(method));
        }
        let password = self.credentials.password.as_ref().ok_or(Refusal::NoPassword)?;
        if password.expose().contains(&0) { Err(Refusal::ZeroByte) } else { Ok(password) }
    }

    fn begin_scram(&self, offer: SaslOffer, out: &mut Vec<u8>) -> Result<Turn, Refusal> {
        if !self.credentials.allowed.scram_sha_256 {
            return Err(Refusal::MethodNotAllowed(AuthMethod::ScramSha256));
        }
        let (mechanism, binding) = self.choose_mechanism(offer)?;
        let password = self.credentials.password.clone().ok_or(Refusal::NoPassword)?;
        let first = ClientFirst::new(password, binding, self.credentials.nonce.clone());
        put_sasl_initial_response(out, mechanism, &first.message());
        Ok(Turn::Scram(first))
    }

    fn choose_mechanism(&self, offer: SaslOffer) -> Result<(&'static CStr, Binding), Refusal> {
        let end_point = match &self.credentials.security {
            Security::Tls { server_end_point: Some(hash) }
                if self.credentials.channel_binding != ChannelBinding::Disable =>
            {
                Some(hash)
            }
            _ => None,
        };
        match end_point {
            Some(hash) if offer.scram_sha_256_plus => {
                return Ok((c"SCRAM-SHA-256-PLUS", Binding::ServerEndPoint(hash.clone())));
            }
            Some(_) => self.refuse_unbound("and the server does not offer it")?,
            None => self.refuse_unbound("and the connection has nothing to bind to")?,
        }
        if !offer.scram_sha_256 {
            return Err(Refusal::Unsupported("SASL mechanisms other than SCRAM-SHA-256"));
        }
        let binding = if end_point.is_some() { Binding::NotOffered } else { Binding::Unsupported };
        Ok((c"SCRAM-SHA-256", binding))
    }

    fn refuse_unbound(&self, why: &'static str) -> Result<(), Refusal> {
        match self.credentials.channel_binding {
            ChannelBinding::Require => Err(Refusal::ChannelBinding(why)),
            ChannelBinding::Prefer | ChannelBinding::Disable => Ok(()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const TLS: Security = Security::Tls { server_end_point: None };

    fn credentials(security: Security) -> Credentials {
        Credentials {
            password: Some("secret".into()),
            security,
            channel_binding: ChannelBinding::Prefer,
            allowed: AllowedMethods::default(),
            nonce: ScramNonce::new([7; 18]),
        }
    }

    fn ask(credentials: Credentials, message: Authentication<'_>) -> Result<Vec<u8>, Error> {
        let mut out = vec![];
        Authenticator::new(c"user", credentials, Limits::default()).handle(message, &mut out)?;
        Ok(out)
    }

    #[test]
    fn readable_passwords_travel_inside_tls_and_locally_only() {
        let md5 = || Authentication::Md5Password { salt: *b"salt" };
        for security in [TLS, Security::Local] {
            let sent = ask(credentials(security.clone()), Authentication::CleartextPassword);
            assert_eq!(sent.unwrap(), b"p\0\0\0\x0bsecret\0");
            assert_eq!(
                ask(credentials(security), md5()).unwrap(),
                b"p\0\0\0\x28md5440c573f34f2e2f3ff4b6dbdd8a2686b\0"
            );
        }
        let refused = |method| Err(Refusal::Unencrypted(method).into());
        let plain = || credentials(Security::Plain);
        assert_eq!(ask(plain(), Authentication::CleartextPassword), refused(AuthMethod::Password));
        assert_eq!(ask(plain(), md5()), refused(AuthMethod::Md5));
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let none = AllowedMethods { none: false, password: false, md5: false, scram_sha_256: false };
        let strict = || Credentials { allowed: none, ..credentials(TLS) };
        assert_eq!(ask(strict(), Authentication::Ok), Err(Refusal::NoAuthentication.into()));
        let offer = SaslOffer { scram_sha_256: true, scram_sha_256_plus: true };
        for (message, method) in [
            (Authentication::CleartextPassword, AuthMethod::Password),
            (Authentication::Md5Password { salt: [0; 4] }, AuthMethod::Md5),
            (Authentication::Sasl(offer), AuthMethod::ScramSha256),
        ] {
            assert_eq!(ask(strict(), message), Err(Refusal::MethodNotAllowed(method).into()));
        }
    }

    #[test]
    fn the_mechanism_follows_the_offer_and_the_policy() {
        let check = |channel_binding, end_point: Option<&[u8]>, plus, expect: &str| {
            let security = Security::Tls { server_end_point: end_point.map(<[u8]>::to_vec) };
            let offer = SaslOffer { scram_sha_256: true, scram_sha_256_plus: plus };
            let credentials = Credentials { channel_binding, ..credentials(security) };
            let sent = ask(credentials, Authentication::Sasl(offer));
            match sent {
                Ok(sent) => assert!(String::from_utf8_lossy(&sent).contains(expect), "{expect}"),
                Err(error) => assert!(format!("{error}").contains(expect), "{error}"),
            }
        };
        use ChannelBinding::{Disable, Prefer, Require};
        check(Prefer, Some(b"hash"), true, "SCRAM-SHA-256-PLUS\0\0\0\0\x35p=tls-server-end-point,,");
        check(Require, Some(b"hash"), true, "SCRAM-SHA-256-PLUS\0");
        check(Prefer, Some(b"hash"), false, "SCRAM-SHA-256\0\0\0\0\x20y,,"); // a lie would be found out
        check(Disable, Some(b"hash"), true, "SCRAM-SHA-256\0\0\0\0\x20n,,");
        check(Prefer, None, true, "SCRAM-SHA-256\0\0\0\0\x20n,,");
        check(Require, Some(b"hash"), false, "the server does not offer it");
        check(Require, None, true, "nothing to bind to");
    }

    #[test]
    fn required_binding_refuses_every_way_around_it() {
        let offer = SaslOffer { scram_sha_256: true, scram_sha_256_plus: false };
        for message in [Authentication::Ok, Authentication::CleartextPassword, Authentication::Sasl(offer)] {
            let credentials = Credentials { channel_binding: ChannelBinding::Require, ..credentials(TLS) };
            assert!(matches!(ask(credentials, message), Err(Error::Refused(Refusal::ChannelBinding(_)))));
        }
    }

    #[test]
    fn without_a_password_nothing_is_answered() {
        let offer = SaslOffer { scram_sha_256: true, scram_sha_256_plus: false };
        for message in [Authentication::CleartextPassword, Authentication::Sasl(offer)] {
            let credentials = Credentials { password: None, ..credentials(TLS) };
            assert_eq!(ask(credentials, message), Err(Refusal::NoPassword.into()));
        }
    }
}
