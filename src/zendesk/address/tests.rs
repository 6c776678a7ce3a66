//! Which addresses are taken, and where they lead.

use super::*;

fn endpoint(template: &str) -> Result<String, Invalid> {
    let subdomain: Subdomain = "acme".parse()?;
    template.parse::<BaseUrl>().map(|base| base.endpoint(&subdomain, "/oauth/tokens"))
}

#[test]
fn the_subdomain_becomes_one_label_of_the_host() {
    for (template, address) in [
        ("https://{subdomain}.zendesk.com", "https://acme.zendesk.com/oauth/tokens"),
        ("https://{subdomain}.zendesk.com/", "https://acme.zendesk.com/oauth/tokens"),
        ("https://{subdomain}.zendesk.com:8443", "https://acme.zendesk.com:8443/oauth/tokens"),
        ("https://eu.{subdomain}.example.org/z", "https://eu.acme.example.org/z/oauth/tokens"),
    ] {
        assert_eq!(endpoint(template).as_deref(), Ok(address));
    }
}

#[test]
fn on_loopback_it_may_be_http_and_the_subdomain_a_segment_of_the_path() {
    for (template, address) in [
        ("http://127.0.0.1:1234/{subdomain}", "http://127.0.0.1:1234/acme/oauth/tokens"),
        ("http://127.9.9.9/{subdomain}/", "http://127.9.9.9/acme/oauth/tokens"),
        ("http://[::1]:1234/a/{subdomain}/b", "http://[::1]:1234/a/acme/b/oauth/tokens"),
        ("http://localhost:1/{subdomain}", "http://localhost:1/acme/oauth/tokens"),
        ("https://127.0.0.1:1/{subdomain}", "https://127.0.0.1:1/acme/oauth/tokens"),
    ] {
        assert_eq!(endpoint(template).as_deref(), Ok(address));
    }
}

#[test]
fn what_is_not_https_is_refused_unless_it_is_loopback() {
    for template in [
        "http://{subdomain}.zendesk.com",
        "http://10.0.0.1/{subdomain}",
        "http://0.0.0.0/{subdomain}",
        "http://[::]/{subdomain}",
        "http://example.com/{subdomain}",
        "http://{subdomain}.localhost",
        "http://127.0.0.1.example.com/{subdomain}",
        "ftp://{subdomain}.zendesk.com",
        "unix:/{subdomain}",
        "{subdomain}.zendesk.com",
    ] {
        assert!(endpoint(template).is_err(), "{template}");
    }
}

#[test]
fn a_template_in_which_a_subdomain_could_choose_the_host_is_refused() {
    for template in [
        "https://zendesk.com",
        "https://{subdomain}",
        "https://{subdomain}/zendesk.com",
        "https://{subdomain}.com",
        "https://{subdomain}.com.",
        "https://zendesk.{subdomain}",
        "https://my{subdomain}.zendesk.com",
        "https://{subdomain}x.zendesk.com",
        "https://{subdomain}.{subdomain}.com",
        "https://{subdomain}:443",
        "https://{subdomain}@zendesk.com",
        "https://{subdo\tmain}.zendesk.com",
        " https://{subdomain}.zendesk.com",
        "https://user:{subdomain}@zendesk.com",
        "https://user@{subdomain}.zendesk.com",
        "https://example.com/{subdomain}.zendesk.com",
        "https://example.com\\{subdomain}.zendesk.com",
        "https://example.com?{subdomain}.zendesk.com",
        "https://example.com#{subdomain}.zendesk.com",
        "https://{subdomain}.zendesk.com?a=b",
        "https://{subdomain}.zendesk.com#a",
        "http://127.0.0.1:1234",
        "http://127.0.0.1:1234/x{subdomain}",
        "http://127.0.0.1:1234/?{subdomain}",
        "http://127.0.0.1:{subdomain}/",
    ] {
        assert!(endpoint(template).is_err(), "{template}");
    }
}

#[test]
fn a_base_url_shows_as_it_was_given() {
    let base: BaseUrl = "https://{subdomain}.zendesk.com/".parse().unwrap();
    assert_eq!(base.to_string(), "https://{subdomain}.zendesk.com");
}

#[test]
fn a_redirect_url_is_https_or_loopback_and_is_kept_to_the_letter() {
    for url in
        ["https://apps.example.org/zendesk?x=1", "http://localhost:3000/back", "http://[::1]/"]
    {
        assert_eq!(url.parse::<RedirectUrl>().unwrap().as_str(), url);
    }
    for url in [
        "",
        "apps.example.org",
        "http://apps.example.org/",
        "https://user@apps.example.org/",
        "https://apps.example.org/#fragment",
        "javascript:alert(1)",
    ] {
        assert!(url.parse::<RedirectUrl>().is_err(), "{url}");
    }
}

#[test]
fn a_webhooks_address_is_https_or_loopback_and_ends_with_its_connection() {
    let id = "6f1c0f36-9f3d-4b43-9a0c-0f5f6e8f7a11";
    let connection: ConnectionId = id.parse().unwrap();
    for (url, address) in [
        ("https://hooks.example.org", "https://hooks.example.org/webhooks/zendesk/"),
        ("https://Hooks.example.org/", "https://hooks.example.org/webhooks/zendesk/"),
        ("https://example.org:8443/a/", "https://example.org:8443/a/webhooks/zendesk/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/webhooks/zendesk/"),
    ] {
        let base: WebhookUrl = url.parse().unwrap();
        assert_eq!(base.endpoint(connection), format!("{address}{id}"));
    }
    for url in [
        "",
        "hooks.example.org",
        "http://hooks.example.org",
        "https://user@hooks.example.org",
        "https://hooks.example.org/#a",
        "https://hooks.example.org/?a=b",
    ] {
        assert!(url.parse::<WebhookUrl>().is_err(), "{url}");
    }
}
