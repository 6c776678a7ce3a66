//! What is genuine, and what is not: by the published vector, and bit by bit.

use super::*;

fn verify(
    secrets: &[SigningSecret],
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Forged> {
    Presented::read(timestamp, signature)?.verify(secrets, body, now)
}

const TIMESTAMP: &str = "2021-03-25T05:09:27Z";
const SIGNED_AT_MICROS: i64 = 1_616_648_967_000_000;
const BODY: &[u8] = br#"{"event":"ticket.updated","id":123}"#;
/// Published: made of [`STATIC_TEST_SECRET`], [`TIMESTAMP`] and [`BODY`].
const VECTOR: &str = "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=";

fn secret(text: &str) -> SigningSecret {
    SigningSecret::try_from(Secret::new(text.into())).unwrap()
}

/// The secret that no parsing lets through.
fn static_secret() -> SigningSecret {
    SigningSecret(Secret::new(STATIC_TEST_SECRET.into()))
}

fn now() -> Timestamp {
    Timestamp::from_micros(SIGNED_AT_MICROS).unwrap()
}

fn mac(key: &[u8], timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(timestamp).chain_update(body).finalize().into_bytes().to_vec()
}

fn sign(key: &str, timestamp: &str, body: &[u8]) -> String {
    BASE64_STANDARD.encode(mac(key.as_bytes(), timestamp, body))
}

#[test]
fn the_published_vector_is_genuine() {
    assert_eq!(verify(&[static_secret()], TIMESTAMP, VECTOR, BODY, now()), Ok(()));
}

#[test]
fn a_key_that_is_decoded_first_makes_another_signature() {
    let decoded = BASE64_STANDARD.decode(STATIC_TEST_SECRET).unwrap();
    let wrong = BASE64_STANDARD.encode(mac(&decoded, TIMESTAMP, BODY));
    assert!(wrong.starts_with("ElGlCykj"), "{wrong}");
    let checked = verify(&[static_secret()], TIMESTAMP, &wrong, BODY, now());
    assert_eq!(checked, Err(Forged::Mismatch));
}

#[test]
fn the_published_secret_is_never_taken() {
    for text in [STATIC_TEST_SECRET, &format!(" {STATIC_TEST_SECRET}\n"), "", " ", "a b", "é"] {
        assert!(SigningSecret::try_from(Secret::new(text.into())).is_err(), "{text}");
    }
    let long = "a".repeat(MAX_SECRET_BYTES + 1);
    assert!(SigningSecret::try_from(Secret::new(long)).is_err());
}

#[test]
fn every_bit_of_the_signature_counts() {
    let genuine = mac(b"secret", TIMESTAMP, BODY);
    for bit in 0..genuine.len() * 8 {
        let mut flipped = genuine.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let flipped = BASE64_STANDARD.encode(flipped);
        let checked = verify(&[secret("secret")], TIMESTAMP, &flipped, BODY, now());
        assert_eq!(checked, Err(Forged::Mismatch), "bit {bit}");
    }
}

#[test]
fn a_signature_of_another_shape_is_refused() {
    let genuine = mac(b"secret", TIMESTAMP, BODY);
    let text = BASE64_STANDARD.encode(&genuine);
    let check = |text: &str| verify(&[secret("secret")], TIMESTAMP, text, BODY, now());
    assert_eq!(check(&text), Ok(()));
    assert_eq!(check(""), Err(Forged::Unsigned));
    for length in 0..genuine.len() {
        let short = BASE64_STANDARD.encode(&genuine[..length]);
        assert!(check(&short).is_err(), "{length} bytes");
    }
    for length in 1..text.len() {
        assert_eq!(check(&text[..length]), Err(Forged::NoSignature), "{length} characters");
    }
    let longer = BASE64_STANDARD.encode([genuine.as_slice(), &[0]].concat());
    let unpadded = text.trim_end_matches('=');
    let spaced = format!("{text} ");
    let hex = "4b".repeat(genuine.len());
    for other in [&longer, unpadded, &spaced, &hex, "!", "sha256=", "\u{0}", "é", "===="] {
        assert_eq!(check(other), Err(Forged::NoSignature), "{other}");
    }
}

#[test]
fn another_body_timestamp_or_secret_is_refused() {
    let signature = sign("secret", TIMESTAMP, BODY);
    let check = |secrets: &[SigningSecret], timestamp: &str, body: &[u8]| {
        verify(secrets, timestamp, &signature, body, now())
    };
    let secrets = [secret("secret")];
    assert_eq!(check(&secrets, TIMESTAMP, BODY), Ok(()));
    let mismatch = Err(Forged::Mismatch);
    assert_eq!(check(&secrets, TIMESTAMP, b""), mismatch);
    assert_eq!(check(&secrets, TIMESTAMP, &[BODY, b"\n"].concat()), mismatch);
    assert_eq!(check(&secrets, "2021-03-25T05:09:28Z", BODY), mismatch);
    // The same moment, but not what was signed.
    assert_eq!(check(&secrets, "2021-03-25T05:09:27.0Z", BODY), mismatch);
    assert_eq!(check(&[secret("Secret")], TIMESTAMP, BODY), mismatch);
    assert_eq!(check(&[], TIMESTAMP, BODY), mismatch);
}

#[test]
fn while_a_secret_is_replaced_both_are_good() {
    let secrets = [secret("old"), secret("new")];
    for (key, checked) in [("old", Ok(())), ("new", Ok(())), ("older", Err(Forged::Mismatch))] {
        let signature = sign(key, TIMESTAMP, BODY);
        assert_eq!(verify(&secrets, TIMESTAMP, &signature, BODY, now()), checked, "{key}");
    }
}

#[test]
fn a_delivery_is_good_for_300_seconds_to_both_sides() {
    let signature = sign("secret", TIMESTAMP, BODY);
    let check = |now| verify(&[secret("secret")], TIMESTAMP, &signature, BODY, now);
    for (seconds, checked) in [
        (0, Ok(())),
        (299, Ok(())),
        (300, Ok(())),
        (301, Err(Forged::OutsideWindow)),
        (86_400, Err(Forged::OutsideWindow)),
    ] {
        let distance = Duration::from_secs(seconds);
        assert_eq!(check(now().plus(distance)), checked, "{seconds} s late");
        assert_eq!(check(now().minus(distance)), checked, "{seconds} s early");
    }
    let just_over = Duration::from_micros(300_000_001);
    assert_eq!(check(now().plus(just_over)), Err(Forged::OutsideWindow));
    assert_eq!(check(now().minus(just_over)), Err(Forged::OutsideWindow));
}

#[test]
fn a_timestamp_that_is_none_is_refused_even_when_signed() {
    for timestamp in
        ["1616648967", "2021-03-25", "2021-03-25T05:09:27", "2021-03-25T06:09:27+01:00", "Z"]
    {
        let signature = sign("secret", timestamp, BODY);
        let checked = verify(&[secret("secret")], timestamp, &signature, BODY, now());
        assert_eq!(checked, Err(Forged::NoTimestamp), "{timestamp}");
    }
    let signature = sign("secret", "", BODY);
    let checked = verify(&[secret("secret")], "", &signature, BODY, now());
    assert_eq!(checked, Err(Forged::Unsigned));
}
