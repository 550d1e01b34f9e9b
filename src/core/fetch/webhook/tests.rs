//! Webhooks as their receivers see them.

use super::super::listener::{Script, Server, fetcher};
use super::*;

/// The example of the specification's own libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

async fn deliver(url: &FetchUrl, reach: Reach) -> Result<Delivered, FetchError> {
    let call = WebhookCall {
        url,
        reach,
        secret: &SECRET.parse().unwrap(),
        id: &ID.parse().unwrap(),
        timestamp: 1_614_265_330,
        body: BODY,
        timeout: Duration::from_secs(10),
    };
    fetcher(&[]).post_webhook(&call).await
}

#[tokio::test]
async fn a_webhook_is_signed_as_the_specification_says() {
    let mut server = Server::start(Script::answer(204, "")).await;
    let delivered = deliver(&server.url(), Reach::Configured).await.unwrap();
    assert_eq!(delivered, Delivered { status: 204 });
    let request = server.request().await;
    assert_eq!(request.body, BODY.as_bytes());
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("webhook-id"), ID.to_lowercase());
    assert_eq!(request.header("webhook-timestamp"), "1614265330");
    assert_eq!(
        request.header("webhook-signature"),
        SIGNATURE.to_lowercase()
    );
}

#[test]
fn a_signature_is_that_of_the_published_example() {
    let call = WebhookCall {
        url: &"https://example.org/".parse().unwrap(),
        reach: Reach::Public,
        secret: &SECRET.parse().unwrap(),
        id: &ID.parse().unwrap(),
        timestamp: 1_614_265_330,
        body: BODY,
        timeout: Duration::from_secs(10),
    };
    assert_eq!(call.signature(), SIGNATURE);
}

#[tokio::test]
async fn a_status_other_than_success_is_an_error() {
    for (status, is_retryable) in [
        (301, false),
        (404, false),
        (410, false),
        (429, true),
        (503, true),
    ] {
        let server = Server::start(Script::answer(status, "no")).await;
        let error = deliver(&server.url(), Reach::Configured).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Status { status: found, .. } if found == status),
            "{error:?}"
        );
        assert_eq!(error.is_retryable(), is_retryable, "{status}");
    }
}

#[tokio::test]
async fn success_with_a_body_without_an_end_is_success() {
    let server = Server::start(Script::Endless(200)).await;
    let delivered = deliver(&server.url(), Reach::Configured).await.unwrap();
    assert_eq!(delivered, Delivered { status: 200 });
}

#[tokio::test]
async fn a_webhook_of_a_client_does_not_reach_this_machine() {
    let mut server = Server::start(Script::answer(200, "")).await;
    let error = deliver(&server.url_at("localhost"), Reach::Public)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error:?}");
    assert!(server.is_unheard());
}

#[test]
fn secrets_are_long_enough_and_never_shown() {
    assert!(matches!(
        WebhookSecret::new(vec![7; 23]),
        Err(InvalidWebhookSecret::Short { len: 23 })
    ));
    let secret = WebhookSecret::new(vec![7; 24]).unwrap();
    assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
    for text in ["", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
    }
}

#[test]
fn ids_cannot_shift_what_is_signed() {
    for text in ["", "a.b", "a b", "a\n", "ü", &"x".repeat(65)] {
        assert!(text.parse::<WebhookId>().is_err(), "{text}");
    }
    assert_eq!(ID.parse::<WebhookId>().unwrap().to_string(), ID);
}
