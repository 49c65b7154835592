//! The server's side of SCRAM-SHA-256, honest or not (RFC 5802 and 7677; manual, "SASL
//! Authentication").
//! ```text
//! client  gs2 header "n,," | "y,," | "p=tls-server-end-point,,"  then  n=,r=NONCE
//! server  r=NONCE+OURS,s=base64(salt),i=iterations
//! client  c=base64(gs2 header + channel binding),r=NONCE+OURS,p=base64(proof)
//! server  v=base64(signature)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// A server that knows one password, or what PostgreSQL stores of one.
#[derive(Clone, Debug)]
pub struct ScramServer {
    knowledge: Knowledge,
    salt: Vec<u8>,
    iterations: u32,
    end_point: Option<Vec<u8>>,
    fault: Option<Fault>,
}

/// What the server compares a proof with. Keys are derived from a password only when a proof arrives: the
/// iteration count may be one that is never computed.
#[derive(Clone, Debug)]
enum Knowledge {
    Password(String),
    Keys { stored: [u8; 32], server: [u8; 32] },
}

/// How a dishonest server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its signature is wrong: it does not know the password.
    WrongSignature,
    /// It lets the client in without showing a signature at all.
    NoSignature,
    /// Its nonce is its own alone, and does not begin with the client's.
    ForeignNonce,
}

impl ScramServer {
    /// An honest server; 4,096 iterations, as PostgreSQL has by default.
    #[must_use]
    pub fn new(password: &str) -> Self {
        let knowledge = Knowledge::Password(password.to_owned());
        Self { knowledge, salt: SALT.to_vec(), iterations: 4096, end_point: None, fault: None }
    }

    /// The server that stores this verifier, as `pg_authid.rolpassword` has it:
    /// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
    ///
    /// # Errors
    /// When the text is no such verifier.
    pub fn of_verifier(verifier: &str) -> Result<Self, Error> {
        let parse = || {
            let (numbers, keys) = verifier.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
            let ((iterations, salt), (stored, server)) = (numbers.split_once(':')?, keys.split_once(':')?);
            let key = |text| <[u8; 32]>::try_from(BASE64.decode(text).ok()?).ok();
            let knowledge = Knowledge::Keys { stored: key(stored)?, server: key(server)? };
            let (salt, iterations) = (BASE64.decode(salt).ok()?, iterations.parse().ok()?);
            Some(Self { knowledge, salt, iterations, end_point: None, fault: None })
        };
        parse().ok_or_else(|| Error::new(format!("this is no SCRAM verifier: {verifier:?}")))
    }

    /// With another iteration count, such as one that no client should compute.
    #[must_use]
    pub fn iterations(mut self, iterations: u32) -> Self {
        self.iterations = iterations;
        self
    }

    /// Offers SCRAM-SHA-256-PLUS too, bound to this hash of the server's certificate.
    #[must_use]
    pub fn channel_binding(mut self, certificate_hash: &[u8]) -> Self {
        self.end_point = Some(certificate_hash.to_vec());
        self
    }

    /// Misbehaves in that way.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// The mechanisms on offer, best first.
    pub(crate) fn mechanisms(&self) -> &'static [&'static str] {
        if self.end_point.is_some() { &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] } else { &["SCRAM-SHA-256"] }
    }

    pub(crate) fn shows_signature(&self) -> bool {
        self.fault != Some(Fault::NoSignature)
    }

    /// Answers the client's first message.
    pub(crate) fn begin(self, mechanism: &str, client_first: &[u8]) -> Result<Exchange, Error> {
        let text = utf8(client_first)?;
        let bare = text.splitn(3, ',').nth(2).ok_or_else(|| bad("no gs2 header", text))?;
        let gs2_header = &text[..text.len() - bare.len()];
        self.check_header(mechanism, gs2_header)?;
        let nonce = attribute(bare, "r=")?;
        let nonce = match self.fault {
            Some(Fault::ForeignNonce) => NONCE.to_owned(),
            _ => format!("{nonce}{NONCE}"),
        };
        let server_first = format!("r={nonce},s={},i={}", BASE64.encode(&self.salt), self.iterations);
        Ok(Exchange {
            client_first_bare: bare.to_owned(),
            gs2_header: gs2_header.to_owned(),
            server_first,
            nonce,
            server: self,
        })
    }

    /// StoredKey and ServerKey.
    fn keys(&self) -> Option<([u8; 32], [u8; 32])> {
        match &self.knowledge {
            Knowledge::Keys { stored, server } => Some((*stored, *server)),
            Knowledge::Password(password) => {
                let mut salted = [0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &self.salt, self.iterations, &mut salted);
                let stored_key = Sha256::digest(hmac(&salted, b"Client Key")?).into();
                Some((stored_key, hmac(&salted, b"Server Key")?))
            }
        }
    }

    /// A client that could bind, but believes that we cannot, has been deceived by somebody.
    fn check_header(&self, mechanism: &str, gs2_header: &str) -> Result<(), Error> {
        let expected: &[&str] = match (mechanism, &self.end_point) {
            ("SCRAM-SHA-256-PLUS", Some(_)) => &["p=tls-server-end-point,,"],
            ("SCRAM-SHA-256", Some(_)) => &["n,,"],
            ("SCRAM-SHA-256", None) => &["n,,", "y,,"],
            _ => return Err(bad("this mechanism is not on offer", mechanism)),
        };
        if expected.contains(&gs2_header) { Ok(()) } else { Err(bad("not this gs2 header", gs2_header)) }
    }
}

/// An exchange after the client's first message.
#[derive(Debug)]
pub(crate) struct Exchange {
    server: ScramServer,
    gs2_header: String,
    client_first_bare: String,
    server_first: String,
    nonce: String,
}

impl Exchange {
    pub(crate) fn server_first(&self) -> &str {
        &self.server_first
    }

    /// Checks the client's proof. The answer is the server's last message, or nothing when the
    /// password is another one.
    pub(crate) fn finish(&self, client_final: &[u8]) -> Result<Option<String>, Error> {
        let text = utf8(client_final)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or_else(|| bad("no proof", text))?;
        if attribute(without_proof, "c=")? != self.binding() {
            return Err(bad("not the channel binding of this connection", without_proof));
        }
        if attribute(without_proof, "r=")? != self.nonce {
            return Err(bad("not the nonce of this exchange", without_proof));
        }
        let proof = BASE64.decode(proof).map_err(|_| bad("the proof is no base64", proof))?;
        Ok(self.signature_for(without_proof, &proof))
    }

    fn binding(&self) -> String {
        let mut binding = self.gs2_header.clone().into_bytes();
        if self.gs2_header.starts_with('p') {
            binding.extend(self.server.end_point.iter().flatten());
        }
        BASE64.encode(binding)
    }

    /// The algorithm of RFC 5802, section 3.
    fn signature_for(&self, without_proof: &str, proof: &[u8]) -> Option<String> {
        let (stored_key, server_key) = self.server.keys()?;
        let message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let client_signature = hmac(&stored_key, message.as_bytes())?;
        let client_key: Vec<u8> = client_signature.iter().zip(proof).map(|(a, b)| a ^ b).collect();
        if proof.len() != 32 || Sha256::digest(client_key)[..] != stored_key {
            return None;
        }
        let mut signature = hmac(&server_key, message.as_bytes())?;
        if self.server.fault == Some(Fault::WrongSignature) {
            signature[0] ^= 1;
        }
        Some(format!("v={}", BASE64.encode(signature)))
    }
}

/// Fixed, so that a script repeats byte for byte.
const SALT: &[u8] = b"salt of the test";
const NONCE: &str = "nonceOfTheScript";

/// HMAC takes a key of any length; `None` is for the compiler.
fn hmac(key: &[u8], message: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().into())
}

fn attribute<'a>(message: &'a str, name: &str) -> Result<&'a str, Error> {
    let value = message.split(',').find_map(|part| part.strip_prefix(name));
    value.ok_or_else(|| bad(&format!("no {name}"), message))
}

fn utf8(message: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(message).map_err(|error| Error::because("the SCRAM message of the client", error))
}

fn bad(what: &str, message: &str) -> Error {
    Error::new(format!("the SCRAM message of the client: {what}: {message:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(server: ScramServer, mechanism: &str, first: &str) -> Result<Exchange, Error> {
        server.begin(mechanism, first.as_bytes())
    }

    #[test]
    fn an_honest_server_extends_the_nonce_and_a_dishonest_one_does_not() {
        let honest = begin(ScramServer::new("x"), "SCRAM-SHA-256", "n,,n=,r=abc").unwrap();
        let expected = "r=abcnonceOfTheScript,s=c2FsdCBvZiB0aGUgdGVzdA==,i=4096";
        assert_eq!(honest.server_first(), expected);
        let other = ScramServer::new("x").fault(Fault::ForeignNonce).iterations(7);
        let other = begin(other, "SCRAM-SHA-256", "n,,n=,r=abc").unwrap();
        assert!(other.server_first().starts_with("r=nonceOfTheScript,"));
        assert!(other.server_first().ends_with(",i=7"));
    }

    #[test]
    fn the_gs2_header_must_fit_the_offer() {
        let plus = || ScramServer::new("x").channel_binding(b"hash");
        for (server, mechanism, header, fits) in [
            (ScramServer::new("x"), "SCRAM-SHA-256", "y", true),
            (ScramServer::new("x"), "SCRAM-SHA-256-PLUS", "p=tls-server-end-point", false),
            (plus(), "SCRAM-SHA-256-PLUS", "p=tls-server-end-point", true),
            (plus(), "SCRAM-SHA-256", "n", true),
            (plus(), "SCRAM-SHA-256", "y", false),
        ] {
            let exchange = begin(server, mechanism, &format!("{header},,n=,r=abc"));
            assert_eq!(exchange.is_ok(), fits, "{mechanism} {header}: {exchange:?}");
        }
    }

    #[test]
    fn a_client_final_that_does_not_belong_is_told_from_a_wrong_password() {
        let exchange = begin(ScramServer::new("x"), "SCRAM-SHA-256", "n,,n=,r=abc").unwrap();
        let zeros = BASE64.encode([0; 32]);
        let finish = |text: String| exchange.finish(text.as_bytes());
        let nonce = "abcnonceOfTheScript";
        assert_eq!(finish(format!("c=biws,r={nonce},p={zeros}")).unwrap(), None);
        assert!(finish(format!("c=biws,r={nonce}")).is_err());
        assert!(finish(format!("c=eSws,r={nonce},p={zeros}")).is_err());
        assert!(finish(format!("c=biws,r=abc,p={zeros}")).is_err());
    }
}
