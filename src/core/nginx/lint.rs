//! Directives → what `nginx -t` accepts and an operator would regret.

use std::net::IpAddr;

use crate::nginx::render::{Release, RenderedFile};
use crate::nginx::settings::Mode;
use crate::nginx::syntax::{self, Directive};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable, in kebab case.
    pub lint: &'static str,
    pub file: &'static str,
    /// The offending directive, or the place where one is missing.
    pub at: String,
}

/// More exact locations than this make nginx 1.22 slow to load: 10,000 took 0.5 s and 80 MB, 50,000 took 20 s.
const EXACT_LOCATIONS_MAX: usize = 1000;

/// A directive with the blocks around it, outermost first.
struct Visit<'a> {
    directive: &'a Directive,
    parents: &'a [&'a Directive],
}

impl Visit<'_> {
    fn parent(&self) -> Option<&Directive> {
        self.parents.last().copied()
    }

    fn is_in_map(&self) -> bool {
        self.parent().is_some_and(|parent| parent.name == "map")
    }

    fn is_inside(&self, name: &str, arg: &str) -> bool {
        self.parents
            .iter()
            .any(|parent| parent.name == name && parent.arg(0) == arg)
    }
}

/// Captures that a map sets for its own value alone.
const MAP_CAPTURES: [&str; 2] = ["img_session", "img_asked"];

type Rule = fn(&Visit<'_>) -> bool;

/// Each rule answers whether the directive is wrong where it stands.
const RULES: [(&str, Rule); 18] = [
    ("open-file-cache-errors", |at| {
        at.directive.name == "open_file_cache_errors" && at.directive.arg(0) == "on"
    }),
    ("alias-slash", alias_slash_differs),
    ("positional-capture", |at| {
        at.directive.args.iter().any(|arg| has_positional(arg))
    }),
    ("map-regex-capture", captures_in_map),
    ("capture-outside-map", |at| {
        let uses = |arg: &String| MAP_CAPTURES.iter().any(|name| names(arg, name));
        !at.is_in_map() && at.directive.args.iter().any(uses)
    }),
    ("rewrite-overlapping-captures", |at| {
        at.directive.name == "rewrite" && at.directive.arg(0).contains("((")
    }),
    ("unanchored-regex", regex_is_unanchored),
    ("redirect-to-decoded-uri", |at| {
        let target = at.directive.args.last().map_or("", String::as_str);
        let decoded = target.contains("$uri") || target.contains("$document_uri");
        at.directive.name == "return" && at.directive.arg(0).starts_with("30") && decoded
    }),
    ("absolute-redirect", |at| {
        site_lacks(at, "absolute_redirect", "off")
    }),
    ("store-not-internal", |at| {
        is_location(at) && location_path(at).contains("/__store") && !at.directive.has("internal")
    }),
    ("limit-outside-miss", |at| {
        let limits = ["limit_req", "limit_conn"].contains(&at.directive.name.as_str());
        let is_api_bound =
            at.directive.name == "limit_conn" && at.parent().is_some_and(is_api_location);
        limits && !is_api_bound && !at.is_inside("location", "@miss")
    }),
    ("server-level-rewrite", |at| {
        let rewrites = ["if", "rewrite", "return", "set"].contains(&at.directive.name.as_str());
        rewrites && at.parent().is_some_and(|parent| parent.name == "server")
    }),
    ("headers-without-nosniff", headers_lack_nosniff),
    ("too-many-exact-locations", |at| {
        let exact = |child: &&Directive| child.name == "location" && child.arg(0) == "=";
        at.directive.children().iter().filter(exact).count() > EXACT_LOCATIONS_MAX
    }),
    ("trusts-everyone", |at| {
        at.directive.name == "set_real_ip_from" && is_every_address(at.directive.arg(0))
    }),
    ("merge-slashes", |at| {
        at.directive.name == "merge_slashes" && at.directive.arg(0) == "off"
    }),
    ("old-tls", |at| {
        let old = |arg: &String| ["SSLv3", "TLSv1", "TLSv1.1"].contains(&arg.as_str());
        at.directive.name == "ssl_protocols" && at.directive.args.iter().any(old)
    }),
    ("tls-versions-unsaid", |at| {
        at.directive.name == "server"
            && at.directive.has("ssl_certificate")
            && !at.directive.has("ssl_protocols")
    }),
];

pub fn lint(release: &Release) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &release.files {
        let directives = syntax::parse(&file.content);
        let mut parents = Vec::new();
        walk(file, &directives, &mut parents, &mut findings);
        let jit = |directive: &Directive| directive.head() == "pcre_jit on";
        if release.mode == Mode::Standalone && !directives.iter().any(jit) {
            findings.push(Finding {
                lint: "pcre-jit",
                file: file.path,
                at: "the main context".to_owned(),
            });
        }
    }
    findings
}

fn walk<'a>(
    file: &RenderedFile,
    directives: &'a [Directive],
    parents: &mut Vec<&'a Directive>,
    findings: &mut Vec<Finding>,
) {
    for directive in directives {
        let visit = Visit { directive, parents };
        for (lint, is_wrong) in RULES {
            if is_wrong(&visit) {
                findings.push(Finding {
                    lint,
                    file: file.path,
                    at: directive.head(),
                });
            }
        }
        parents.push(directive);
        walk(file, directive.children(), parents, findings);
        parents.pop();
    }
}

fn is_location(at: &Visit<'_>) -> bool {
    at.directive.name == "location"
}

fn location_path<'a>(at: &'a Visit<'_>) -> &'a str {
    at.directive.args.last().map_or("", String::as_str)
}

fn is_api_location(directive: &Directive) -> bool {
    directive.name == "location" && directive.args.last().is_some_and(|path| path == "/api/")
}

/// A map that captures changes a variable while a text is put together from it: the room was measured before. Harmless if
/// the capture is the whole value of the entry and is used nowhere else.
fn captures_in_map(at: &Visit<'_>) -> bool {
    let pattern = &at.directive.name;
    let is_own = |name: &&str| {
        pattern.contains(&format!("(?<{name}>")) && at.directive.arg(0) == format!("${name}")
    };
    let captures = pattern.matches("(?<").count();
    let is_harmless = captures == 1 && MAP_CAPTURES.iter().any(is_own);
    at.is_in_map() && pattern.starts_with('~') && captures > 0 && !is_harmless
}

/// Whether a text uses the variable, and not one whose name only begins alike.
fn names(text: &str, variable: &str) -> bool {
    let is_whole =
        |rest: &str| !rest.starts_with(|next: char| next == '_' || next.is_alphanumeric());
    let plain = format!("${variable}");
    text.contains(&format!("${{{variable}}}")) || text.split(plain.as_str()).skip(1).any(is_whole)
}

/// `location /i { alias /x/; }` serves `/i../` from beside `/x/`.
fn alias_slash_differs(at: &Visit<'_>) -> bool {
    let is_regex = at.directive.arg(0).starts_with('~');
    let differs = |child: &Directive| {
        child.name == "alias" && child.arg(0).ends_with('/') != location_path(at).ends_with('/')
    };
    is_location(at) && !is_regex && at.directive.children().iter().any(differs)
}

/// One `add_header` at a level drops all those of the levels above. The answer to an unsatisfiable range has those of
/// the image already.
fn headers_lack_nosniff(at: &Visit<'_>) -> bool {
    let mut added = at
        .directive
        .children()
        .iter()
        .filter(|child| child.name == "add_header")
        .peekable();
    let is_complete = is_location(at) && location_path(at) == "/__unsatisfiable";
    added.peek().is_some()
        && !is_complete
        && !added.any(|add| add.arg(0) == "X-Content-Type-Options")
}

/// All but the deliberate search for a dot segment at any depth.
fn regex_is_unanchored(at: &Visit<'_>) -> bool {
    let is_regex = is_location(at) && at.directive.arg(0).starts_with('~');
    is_regex && !location_path(at).starts_with('^') && location_path(at) != r"/\."
}

/// A server that serves files without `name value;` at its own level.
fn site_lacks(at: &Visit<'_>, name: &str, value: &str) -> bool {
    let set = |child: &Directive| child.name == name && child.arg(0) == value;
    at.directive.name == "server"
        && at.directive.has("root")
        && !at.directive.children().iter().any(set)
}

fn has_positional(arg: &str) -> bool {
    arg.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'$' && pair[1].is_ascii_digit())
}

fn is_every_address(range: &str) -> bool {
    let unspecified = |address: &str| {
        address
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_unspecified())
    };
    range.ends_with("/0") || unspecified(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lints_of(content: &str) -> Vec<&'static str> {
        let release = Release {
            id: String::new(),
            mode: Mode::Included,
            files: vec![RenderedFile {
                path: "x.conf",
                content: content.to_owned(),
            }],
        };
        lint(&release).iter().map(|finding| finding.lint).collect()
    }

    #[test]
    fn each_known_mistake_is_named() {
        for (content, lint) in [
            ("open_file_cache_errors on;", "open-file-cache-errors"),
            ("location /i { alias /x/; }", "alias-slash"),
            ("location ~ ^/(a)$ { alias /x/$1; }", "positional-capture"),
            ("map $uri $x { \"~^/(?<y>a)\" $y; }", "map-regex-capture"),
            (
                "map $uri $x { \"~^/(?<img_session>a)\" $img_session$uri; }",
                "map-regex-capture",
            ),
            (
                "log_format x '$img_asked_path ${img_asked}';",
                "capture-outside-map",
            ),
            (
                "location ^~ /api/ { limit_req zone=a; }",
                "limit-outside-miss",
            ),
            ("rewrite ^/((a)b)$ /x last;", "rewrite-overlapping-captures"),
            (r"location ~ \.php$ { internal; }", "unanchored-regex"),
            (
                "location /a { return 301 /b$uri; }",
                "redirect-to-decoded-uri",
            ),
            ("server { root /x; }", "absolute-redirect"),
            ("location /__store/ { alias /x/; }", "store-not-internal"),
            ("server { limit_req zone=a; }", "limit-outside-miss"),
            ("server { if ($a) { return 404; } }", "server-level-rewrite"),
            ("location / { add_header A b; }", "headers-without-nosniff"),
            ("set_real_ip_from 0.0.0.0/0;", "trusts-everyone"),
            ("set_real_ip_from ::/0;", "trusts-everyone"),
            ("merge_slashes off;", "merge-slashes"),
            ("ssl_protocols TLSv1 TLSv1.2;", "old-tls"),
            ("server { ssl_certificate /c; }", "tls-versions-unsaid"),
        ] {
            assert_eq!(lints_of(content), [lint], "{content}");
        }
        assert!(lints_of("location = /a { internal; } # open_file_cache_errors on;").is_empty());
        for content in [
            "map $http_cookie $x { \"~^(?<img_session>a)\" $img_session; }",
            "log_format x '$img_session_cookie $img_asked_path';",
            "location ^~ /api/ { limit_conn a 1; }",
        ] {
            assert!(lints_of(content).is_empty(), "{content}");
        }
        let many = format!(
            "server {{ {} }}",
            "location = /a { internal; }".repeat(1001)
        );
        assert_eq!(lints_of(&many), ["too-many-exact-locations"]);
    }
}
