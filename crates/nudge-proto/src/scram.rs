//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the client's side (RFC 5802, RFC 7677; manual, "SASL
//! Authentication").
//!
//! ```text
//! client-first  n,,n=,r=<client nonce>              gs2 header, empty user (the startup message has it)
//! server-first  r=<client nonce><more>,s=<salt>,i=<iterations>
//! client-final  c=<gs2 header + binding>,r=<nonce>,p=<proof>
//! server-final  v=<signature>                       proves that the server knows the password
//! ```
//!
//! Three types, one per turn, each made from the last by value. The nonce is an argument: a recorded
//! exchange replays byte for byte.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{Error, Limits, Malformed, Refusal, Secret};

/// The client's random contribution to a SCRAM exchange.
///
/// 18 bytes are 24 printable characters in base64, as libpq sends them.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramNonce(String);

impl ScramNonce {
    /// Makes a nonce of 18 bytes. They have to be unpredictable, and new for each exchange.
    pub fn new(random: [u8; 18]) -> Self {
        Self(BASE64.encode(random))
    }
}

/// A nonce is no secret once it is sent, and it is not needed in a log before.
impl fmt::Debug for ScramNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramNonce(..)")
    }
}

/// What the client says about channel binding, as the GS2 header of RFC 5802 has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Binding {
    /// `n`: this client cannot bind.
    Unsupported,
    /// `y`: it could, but believes that the server cannot. A server that can then knows that somebody
    /// took its offer away.
    NotOffered,
    /// `p`: bound to the hash of the server's certificate (RFC 5929, `tls-server-end-point`).
    ServerEndPoint(Vec<u8>),
}

impl Binding {
    fn gs2_header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::NotOffered => "y,,",
            Self::ServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// The value of `c=`.
    fn attribute(&self) -> String {
        let mut bytes = Vec::from(self.gs2_header());
        if let Self::ServerEndPoint(hash) = self {
            bytes.extend_from_slice(hash);
        }
        BASE64.encode(bytes)
    }
}

/// The client has spoken first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClientFirst {
    password: Secret,
    binding: Binding,
    nonce: ScramNonce,
}

impl ClientFirst {
    pub(crate) fn new(password: Secret, binding: Binding, nonce: ScramNonce) -> Self {
        Self { password, binding, nonce }
    }

    pub(crate) fn message(&self) -> String {
        format!("{}{}", self.binding.gs2_header(), self.bare())
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce.0)
    }

    /// Answers the server's first message: the proof that we know the password, and what the server
    /// has to prove in turn.
    pub(crate) fn answer(self, server_first: &[u8], limits: &Limits) -> Result<(String, ServerProof), Error> {
        let challenge = Challenge::parse(server_first, &self.nonce)?;
        if challenge.iterations > limits.scram_iterations {
            let (asked, limit) = (challenge.iterations, limits.scram_iterations);
            return Err(Refusal::Iterations { asked, limit }.into());
        }
        let without_proof = format!("c={},r={}", self.binding.attribute(), challenge.nonce);
        let auth_message = format!("{},{},{without_proof}", self.bare(), challenge.text);
        let salted: Key = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(
            &prepared(&self.password),
            &challenge.salt,
            challenge.iterations,
        );
        let proof = BASE64.encode(client_proof(&salted, &auth_message));
        let server_key = hmac(&salted, b"Server Key").finalize().into_bytes().into();
        Ok((format!("{without_proof},p={proof}"), ServerProof { server_key, auth_message }))
    }
}

/// What the server's last message has to prove.
#[derive(Clone, PartialEq)]
pub(crate) struct ServerProof {
    server_key: Key,
    auth_message: String,
}

impl ServerProof {
    /// Compares in constant time: how long a refusal takes tells nothing about the signature.
    pub(crate) fn verify(self, server_final: &[u8]) -> Result<(), Error> {
        let first = attributes(server_final).and_then(|mut attributes| attributes.next());
        match first {
            Some(("v", signature)) => {
                let signature =
                    BASE64.decode(signature).map_err(|_| Malformed::Scram("a signature not in base64"))?;
                hmac(&self.server_key, self.auth_message.as_bytes())
                    .verify_slice(&signature)
                    .map_err(|_| Refusal::ServerSignature.into())
            }
            Some(("e", _)) => Err(Malformed::Scram("an error in place of a signature").into()),
            _ => Err(Malformed::Scram("no signature").into()),
        }
    }
}

impl fmt::Debug for ServerProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerProof(<redacted>)")
    }
}

/// The server's first message, checked.
struct Challenge<'a> {
    text: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> Challenge<'a> {
    fn parse(message: &'a [u8], ours: &ScramNonce) -> Result<Self, Malformed> {
        let mut attributes = attributes(message).ok_or(Malformed::Scram("not text"))?;
        let text = attributes.text;
        let mut attribute = |name, why| match attributes.next() {
            Some((this, value)) if this == name => Ok(value),
            // m= is a mandatory extension: RFC 5802 says to fail rather than to go on without it.
            Some(("m", _)) => Err(Malformed::Scram("a mandatory extension")),
            _ => Err(Malformed::Scram(why)),
        };
        let nonce = attribute("r", "no nonce")?;
        let salt = attribute("s", "no salt")?;
        let iterations = attribute("i", "no iteration count")?;
        if nonce.len() <= ours.0.len() || !nonce.starts_with(&ours.0) {
            return Err(Malformed::Scram("the nonce does not extend the client's"));
        }
        let salt = BASE64.decode(salt).map_err(|_| Malformed::Scram("a salt not in base64"))?;
        let iterations = iterations.parse().ok().filter(|&n: &u32| n > 0);
        Ok(Self {
            text,
            nonce,
            salt,
            iterations: iterations.ok_or(Malformed::Scram("an iteration count that is none"))?,
        })
    }
}

/// The `name=value` pairs between commas.
fn attributes(message: &[u8]) -> Option<Attributes<'_>> {
    let text = core::str::from_utf8(message).ok()?;
    Some(Attributes { text, rest: Some(text) })
}

struct Attributes<'a> {
    text: &'a str,
    rest: Option<&'a str>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let (attribute, rest) = match rest.split_once(',') {
            Some((attribute, rest)) => (attribute, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        attribute.split_once('=')
    }
}

type Key = [u8; 32];

fn hmac(key: &Key, message: &[u8]) -> Hmac<Sha256> {
    // HMAC pads a short key with zeros to the block of the hash; doing it here leaves nothing to fail.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::<Sha256>::new(&block.into()).chain_update(message)
}

/// ClientProof := ClientKey XOR HMAC(H(ClientKey), AuthMessage)
fn client_proof(salted: &Key, auth_message: &str) -> Key {
    let mut proof: Key = hmac(salted, b"Client Key").finalize().into_bytes().into();
    let stored_key: Key = Sha256::digest(proof).into();
    let signature = hmac(&stored_key, auth_message.as_bytes()).finalize().into_bytes();
    proof.iter_mut().zip(signature).for_each(|(byte, mask)| *byte ^= mask);
    proof
}

/// The bytes that go into the key: prepared as the server prepared them for its verifier.
fn prepared(password: &Secret) -> Cow<'_, [u8]> {
    #[cfg(feature = "saslprep")]
    if let Some(prepared) = crate::saslprep::prepared(password.expose()) {
        return Cow::Owned(prepared);
    }
    Cow::Borrowed(password.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3, with PostgreSQL's empty user name: the salt and the iterations are the
    /// RFC's, the proof and the signature were computed from it by an independent implementation.
    const SERVER_FIRST: &str =
        "r=AAAAAAAAAAAAAAAAAAAAAAAA%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    const PROOF: &str = "c=biws,r=AAAAAAAAAAAAAAAAAAAAAAAA%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=ms73emGz2A49nxtcWUxhxGcS5JHT9dGaSJoEDP1lhTs=";
    const SIGNATURE: &str = "v=b+AYSYZJ3qjNSMji2WVdEGHf3MQba1ExJWjPQ/wiD3I=";

    fn client(binding: Binding) -> ClientFirst {
        let nonce = ScramNonce("AAAAAAAAAAAAAAAAAAAAAAAA".into());
        ClientFirst::new(Secret::new("pencil"), binding, nonce)
    }

    fn answer(server_first: &str) -> Result<(String, ServerProof), Error> {
        client(Binding::Unsupported).answer(server_first.as_bytes(), &Limits::default())
    }

    #[test]
    fn the_proof_is_what_another_implementation_computes() {
        let (message, _) = answer(SERVER_FIRST).unwrap();
        assert_eq!(message, PROOF);
    }

    #[test]
    fn only_the_right_signature_is_believed() {
        let (_, proof) = answer(SERVER_FIRST).unwrap();
        assert_eq!(proof.clone().verify(SIGNATURE.as_bytes()), Ok(()));
        let mut wrong = String::from(SIGNATURE);
        wrong.replace_range(2..3, if wrong.as_bytes()[2] == b'A' { "B" } else { "A" });
        assert_eq!(proof.clone().verify(wrong.as_bytes()), Err(Refusal::ServerSignature.into()));
        for garbage in ["", "v=", "v=A", "v=!!!!", "e=other-error", "x=1", "\u{ff}"] {
            assert!(proof.clone().verify(garbage.as_bytes()).is_err(), "{garbage:?}");
        }
    }

    #[test]
    fn the_binding_is_part_of_what_is_proven() {
        assert!(client(Binding::NotOffered).message().starts_with("y,,n=,r="));
        let bound = client(Binding::ServerEndPoint(b"hash".to_vec()));
        assert!(bound.message().starts_with("p=tls-server-end-point,,n=,r="));
        let (message, _) = bound.answer(SERVER_FIRST.as_bytes(), &Limits::default()).unwrap();
        assert!(message.starts_with(&format!("c={},", BASE64.encode("p=tls-server-end-point,,hash"))));
    }

    #[test]
    fn a_challenge_outside_of_the_grammar_is_refused() {
        let own = "AAAAAAAAAAAAAAAAAAAAAAAA";
        for challenge in [
            "".into(),
            "r=".into(),
            format!("r={own},s=QUFB,i=4096"),
            "r=BBBBBBBBBBBBBBBBBBBBBBBBBB,s=QUFB,i=4096".into(),
            format!("r={own}x,s=*,i=4096"),
            format!("r={own}x,s=QUFB"),
            format!("r={own}x,s=QUFB,i=0"),
            format!("r={own}x,s=QUFB,i=-1"),
            format!("r={own}x,s=QUFB,i=99999999999"),
            format!("m=ext,r={own}x,s=QUFB,i=4096"),
        ] {
            assert!(
                matches!(answer(&challenge), Err(Error::Malformed(Malformed::Scram(_)))),
                "{challenge:?}"
            );
        }
    }

    #[test]
    fn absurd_iteration_counts_are_refused_before_any_work() {
        let refusal = Refusal::Iterations { asked: 2_147_483_647, limit: 1_000_000 };
        let challenge = "r=AAAAAAAAAAAAAAAAAAAAAAAAx,s=QUFB,i=2147483647";
        assert_eq!(answer(challenge).unwrap_err(), refusal.into());
    }
}
