//! The proxies of `[resilient]`, and those of the app and all apps.

use percent_encoding::percent_decode_str;
use url::Url;

use super::keys::{GUARDDUTY, INTEGRATIONS, RESILIENT};
use super::reader::{Noted, Reader, Section};
use super::resilient::whole_pair;
use super::{Proxies, ProxyCredentials, ProxyServer, Proxying, WarningKind};

const FORM: &str = "give http://host:port, with https:// only where the proxy itself speaks TLS";

/// The variables that make the proxies of the configuration void, as they do in the Python app; in small letters they do not.
const VARIABLES: [&str; 2] = ["HTTPS_PROXY", "HTTP_PROXY"];

/// The proxy to SOAR and its broker: `proxy_host` and its companions.
pub(super) fn to_soar(reader: &mut Reader<'_>) -> Result<Proxying, Noted> {
    let variable = variable(reader);
    let mut section = reader.section(RESILIENT);
    let Some(host) = section.text("proxy_host")? else {
        return Ok(Proxying::ByEnvironment);
    };
    if let Some(variable) = variable {
        warn_of_variable(&mut section, "proxy_host", variable);
        return Ok(Proxying::ByEnvironment);
    }
    let port = section.optional_number("proxy_port", 0..=u16::MAX);
    let login = whole_pair(&mut section, "proxy_user", "proxy_password");
    let server = soar_proxy(&mut section, &host, port?.filter(|port| *port > 0));
    let mut server = server?;
    if let Some((user, password)) = login? {
        server.credentials = Some(ProxyCredentials {
            user,
            password: password.into(),
        });
    }
    Ok(Proxying::ByConfig(Proxies {
        http: Some(server.clone()),
        https: Some(server),
    }))
}

/// `http_proxy` and `https_proxy` of the app's section; where it has neither, of `[integrations]`.
pub(super) fn to_aws(reader: &mut Reader<'_>) -> Result<Proxying, Noted> {
    let variable = variable(reader);
    for name in [GUARDDUTY, INTEGRATIONS] {
        let mut section = reader.section(name);
        let http = section.text("http_proxy");
        let https = section.text("https_proxy");
        let (http, https) = (http?, https?);
        let key = match (&http, &https) {
            (None, None) => continue,
            (_, Some(_)) => "https_proxy",
            (Some(_), None) => "http_proxy",
        };
        if let Some(variable) = variable {
            warn_of_variable(&mut section, key, variable);
            return Ok(Proxying::ByEnvironment);
        }
        let http = http.map(|url| server(&mut section, "http_proxy", &url, None));
        let https = https.map(|url| server(&mut section, "https_proxy", &url, None));
        return Ok(Proxying::ByConfig(Proxies {
            http: http.transpose()?,
            https: https.transpose()?,
        }));
    }
    Ok(Proxying::ByEnvironment)
}

fn variable(reader: &Reader<'_>) -> Option<&'static str> {
    VARIABLES
        .into_iter()
        .find(|name| reader.variable(name).is_some())
}

fn warn_of_variable(section: &mut Section<'_, '_>, key: &str, variable: &str) {
    section.warn(
        WarningKind::Notice,
        key,
        &format!("not used, since the variable {variable} is set and says which proxy is used"),
    );
}

/// The port is a key of its own; one in the address counts where the key is absent.
fn soar_proxy(
    section: &mut Section<'_, '_>,
    host: &str,
    port: Option<u16>,
) -> Result<ProxyServer, Noted> {
    let has_port = parse(host).is_some_and(|url| url.port().is_some());
    if port.is_none() && !has_port {
        return Err(section.note(
            "proxy_port",
            "is not set, but proxy_host is",
            "give the proxy's port",
        ));
    }
    server(section, "proxy_host", host, port)
}

/// A proxy as a URL says it. The value is never shown: it may hold a password.
fn server(
    section: &mut Section<'_, '_>,
    key: &str,
    text: &str,
    port: Option<u16>,
) -> Result<ProxyServer, Noted> {
    let url = parse(text).filter(|url| ["http", "https"].contains(&url.scheme()));
    let Some((url, host)) = url.and_then(|url| {
        let host = url.host_str().map(str::to_owned)?;
        Some((url, host))
    }) else {
        return Err(section.note(key, "the value is not the address of an HTTP proxy", FORM));
    };
    let port = port.or_else(|| url.port_or_known_default()).unwrap_or(80);
    let credentials = (!url.username().is_empty()).then(|| ProxyCredentials {
        user: decoded(url.username()),
        password: decoded(url.password().unwrap_or_default()).into(),
    });
    Ok(ProxyServer {
        url: format!("{}://{host}:{port}", url.scheme()),
        credentials,
    })
}

/// Without a scheme it is `http`: a plain proxy that opens tunnels, as nearly all are.
fn parse(text: &str) -> Option<Url> {
    let text = text.trim();
    if text.contains("://") {
        Url::parse(text).ok()
    } else {
        Url::parse(&format!("http://{text}")).ok()
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
