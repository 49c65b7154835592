//! SCRAM, with servers that know the password and servers that do not.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use nudge_proto::*;
use sha2::{Digest, Sha256};

use crate::bytes_arrive::{credentials, new_startup};
use crate::startup::messages;

/// Law: of a client that insists on SCRAM nobody gets a session without the signature that only a
/// server with the password can compute; with it everybody does; and the client's proof and its
/// channel binding are what RFC 5802 says.
pub fn scram(server: &[u8]) {
    for security in [Security::Plain, Security::Tls { server_end_point: Some(END_POINT.to_vec()) }] {
        let allowed = AllowedMethods { none: false, password: false, md5: false, scram_sha_256: true };
        let credentials = credentials().security(security).allowed(allowed);
        let mut sent = Vec::new();
        let mut startup = new_startup(&credentials, &mut Vec::new());
        for (frame, rest) in frames(server) {
            match startup.advance(frame, &mut sent) {
                Ok(step) => assert!(step.event.is_none(), "let in without an exchange"),
                Err(_) => break,
            }
            if let [client_first, client_final] = *messages(&sent) {
                let signature = Exchange::of(client_first, &frame[9..], client_final).server_signature();
                only_the_signature_lets_in(&startup, &signature);
                let shown = [b"v=", BASE64.encode(signature).as_bytes()].concat();
                let let_in = log_in(&mut startup, rest).is_ok();
                assert!(!let_in || contains(rest, &shown), "let in without its signature");
                break;
            }
        }
    }
}

fn only_the_signature_lets_in(startup: &Startup, signature: &[u8; 32]) {
    let mut forged = *signature;
    forged[31] ^= 1;
    let log_in = |signature: &[u8]| {
        let mut server = frame(b'R', &[b"\0\0\0\x0cv=", BASE64.encode(signature).as_bytes()].concat());
        server.extend_from_slice(b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\x04\xd2ABCDZ\0\0\0\x05I");
        log_in(&mut startup.clone(), &server)
    };
    assert_eq!(log_in(signature), Ok(()));
    for forged in [&forged[..], &signature[..31], b""] {
        assert_eq!(log_in(forged), Err(Some(Refusal::ServerSignature.into())));
    }
}

/// Whether the bytes end in a session; an error where there is one.
fn log_in(startup: &mut Startup, server: &[u8]) -> Result<(), Option<Error>> {
    let step = startup.advance(server, &mut Vec::new())?;
    step.event.map(drop).ok_or(None)
}

/// What went over the wire, as the server sees it.
struct Exchange<'a> {
    salted: [u8; 32],
    auth_message: Vec<u8>,
    proof: &'a [u8],
}

impl<'a> Exchange<'a> {
    fn of(client_first: &'a [u8], server_first: &'a [u8], client_final: &'a [u8]) -> Self {
        let client_first = &client_first[client_first.iter().position(|byte| *byte == 0).unwrap() + 5..];
        let bare = client_first.windows(3).position(|bytes| bytes == b"n=,").unwrap();
        let (header, bare) = client_first.split_at(bare);
        let at = client_final.windows(3).rposition(|bytes| bytes == b",p=").unwrap();
        let (without_proof, proof) = (&client_final[..at], &client_final[at + 3..]);

        let bound = if header.starts_with(b"p=") { END_POINT } else { b"" };
        let binding = BASE64.encode([header, bound].concat());
        assert!(without_proof.starts_with(format!("c={binding},r={NONCE}").as_bytes()));

        let text = str::from_utf8(server_first).unwrap();
        let attribute = |name| text.split(',').find_map(|attribute| attribute.strip_prefix(name)).unwrap();
        let salt = BASE64.decode(attribute("s=")).unwrap();
        let rounds: u32 = attribute("i=").parse().unwrap();
        assert!(rounds <= 4096, "more rounds than the limit");
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(b"nudger", &salt, rounds);
        let auth_message = [bare, server_first, without_proof].join(&b',');
        let exchange = Self { salted, auth_message, proof };
        exchange.check_proof();
        exchange
    }

    fn server_signature(&self) -> [u8; 32] {
        hmac(&hmac(&self.salted, b"Server Key"), &self.auth_message)
    }

    /// The server stores `H(client key)`; the proof is the client key under a signature of the exchange.
    fn check_proof(&self) {
        let stored: [u8; 32] = Sha256::digest(hmac(&self.salted, b"Client Key")).into();
        let signature = hmac(&stored, &self.auth_message);
        let proof = BASE64.decode(self.proof).unwrap();
        let key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(Sha256::digest(key).as_slice(), stored, "the proof does not prove");
    }
}

fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().into()
}

/// Message by message, each with what follows it; the last one may be incomplete.
fn frames(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.get(1..5).map_or(0, |length| u32::from_be_bytes(length.try_into().unwrap()));
        let end = usize::try_from(length).unwrap().saturating_add(1).min(rest.len());
        let (frame, after) = rest.split_at(if length < 4 { rest.len() } else { end });
        rest = after;
        (!frame.is_empty()).then_some((frame, after))
    })
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, body].concat()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// `[42; 18]` in base64.
const NONCE: &str = "KioqKioqKioqKioqKioqKioq";
/// What the certificate's hash would be.
const END_POINT: &[u8] = b"thirty-two bytes of a hash, say.";
