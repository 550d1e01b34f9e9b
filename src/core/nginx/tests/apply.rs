//! Releases put in force on a running nginx, and taken back.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use crate::model::layout::ShardWidth;
use crate::nginx::apply::{ApplyTarget, Outcome, apply, find_current};
use crate::nginx::error::NginxError;
use crate::nginx::render::{Release, render};
use crate::nginx::running::{Reload, find_release};
use crate::nginx::settings::{Mode, TlsSettings};
use crate::nginx::tests::site::{Site, nginx_binary};

struct Applying {
    site: Site,
    target: ApplyTarget,
}

impl Applying {
    fn prepare() -> Self {
        let site = Site::prepare(ShardWidth::Three);
        let target = ApplyTarget {
            nginx_dir: site.dir.path().join("nginx"),
            binary: nginx_binary(),
            main_config: None,
            reload: Reload {
                pid_file: site.settings.pid_file(),
                command: None,
            },
            status_socket: site.settings.status_socket(),
            error_log: site.settings.error_log(),
            timeout: Duration::from_secs(5),
            releases_max: 2,
        };
        Self { site, target }
    }

    /// The first release, in force and answering.
    fn start() -> (Self, Release) {
        let mut applying = Self::prepare();
        let release = render(&applying.site.settings).unwrap();
        let applied = apply(&release, &applying.target).unwrap();
        assert_eq!(applied.outcome, Outcome::NotRunning);
        assert_eq!(applied.previous, None);
        assert!(applied.findings.is_empty());
        let config = applying.target.nginx_dir.join("current/nginx.conf");
        applying.site.run_nginx(&config);
        applying.answers(&release.id);
        (applying, release)
    }

    fn answers(&self, id: &str) {
        let socket = &self.target.status_socket;
        assert!(
            crate::nginx::running::wait_for_release(socket, id, 1, Duration::from_secs(5)),
            "{}",
            self.site.error_log()
        );
    }

    fn change(&mut self) -> Release {
        self.site.settings.miss_limits.burst += 1;
        render(&self.site.settings).unwrap()
    }

    fn current(&self) -> Option<String> {
        find_current(&self.target.nginx_dir).unwrap()
    }
}

#[test]
fn a_new_release_answers_when_apply_returns() {
    let (mut applying, first) = Applying::start();
    let mut last = first.id;
    for _ in 0..3 {
        let release = applying.change();
        let applied = apply(&release, &applying.target).unwrap();
        assert_eq!(applied.outcome, Outcome::Reloaded);
        assert_eq!(applied.previous, Some(last));
        assert_eq!(
            find_release(&applying.target.status_socket).as_ref(),
            Some(&release.id)
        );
        last = release.id;
    }
    let kept = fs::read_dir(applying.target.nginx_dir.join("releases")).unwrap();
    assert_eq!(kept.count(), 2);
}

#[test]
fn what_is_in_force_already_is_left_alone() {
    let (applying, first) = Applying::start();
    let written = applying
        .target
        .nginx_dir
        .join("releases")
        .join(&first.id)
        .join("nginx.conf");
    let before = fs::metadata(&written).unwrap().modified().unwrap();
    let applied = apply(&first, &applying.target).unwrap();
    assert_eq!(applied.outcome, Outcome::Unchanged);
    assert_eq!(fs::metadata(&written).unwrap().modified().unwrap(), before);

    // Edited by hand: what was applied is restored.
    fs::write(&written, "broken").unwrap();
    assert_eq!(
        apply(&first, &applying.target).unwrap().outcome,
        Outcome::Reloaded
    );
}

#[test]
fn a_release_that_nginx_refuses_changes_nothing() {
    let (mut applying, first) = Applying::start();
    applying.site.settings.tls = Some(TlsSettings {
        listen: vec!["127.0.0.1:1".into()],
        certificate: "/nowhere/c.pem".into(),
        certificate_key: "/nowhere/k.pem".into(),
        server_names: Vec::new(),
    });
    let release = applying.change();
    let error = apply(&release, &applying.target).unwrap_err();
    assert!(matches!(error, NginxError::Rejected { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/c.pem"), "{error}");
    assert_eq!(applying.current(), Some(first.id.clone()));
    assert!(
        !applying
            .target
            .nginx_dir
            .join("releases")
            .join(&release.id)
            .exists()
    );
    applying.answers(&first.id);
}

#[test]
fn a_release_that_fails_only_when_loaded_is_rolled_back() {
    let (mut applying, first) = Applying::start();
    // `nginx -t` does not mind an address that is in use: it might be nginx's own.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    applying.site.settings.listen = vec![taken.local_addr().unwrap().to_string()];
    applying.target.timeout = Duration::from_millis(3500);
    let error = apply(&applying.change(), &applying.target).unwrap_err();
    let NginxError::RolledBack { restored, said, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(restored.as_ref(), Some(&first.id));
    assert!(
        said.contains("[emerg]") && said.contains("in use"),
        "{said}"
    );
    assert_eq!(applying.current(), Some(first.id.clone()));
    applying.answers(&first.id);
    assert_eq!(applying.site.get("/.x").status, 404);
}

#[test]
fn a_reload_command_that_fails_is_rolled_back() {
    let (mut applying, first) = Applying::start();
    let says_no = ["sh", "-c", "echo no >&2; exit 1"].map(str::to_owned);
    applying.target.reload.command = Some(says_no.to_vec());
    let error = apply(&applying.change(), &applying.target).unwrap_err();
    assert!(error.to_string().contains("says: no"), "{error}");
    assert_eq!(applying.current(), Some(first.id));

    // The first release ever has nothing to go back to.
    applying.target.nginx_dir = applying.site.dir.path().join("another");
    let error = apply(&applying.change(), &applying.target).unwrap_err();
    assert!(matches!(
        error,
        NginxError::RolledBack { restored: None, .. }
    ));
    assert_eq!(applying.current(), None);
}

#[test]
fn two_applies_do_not_meet() {
    let applying = Applying::prepare();
    fs::create_dir_all(&applying.target.nginx_dir).unwrap();
    let lock = fs::File::create(applying.target.nginx_dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let release = render(&applying.site.settings).unwrap();
    let error = apply(&release, &applying.target).unwrap_err();
    assert!(matches!(error, NginxError::Locked { .. }) && error.is_retryable());
}

#[test]
fn a_pid_file_of_the_dead_or_of_another_program_is_nobody() {
    let applying = Applying::prepare();
    let release = render(&applying.site.settings).unwrap();
    let own = std::process::id().to_string();
    for (turn, text) in ["", "\n", "4194304", "x", own.as_str()]
        .into_iter()
        .enumerate()
    {
        fs::write(applying.site.settings.pid_file(), text).unwrap();
        let applied = apply(&release, &applying.target).unwrap();
        let expected = if turn == 0 {
            Outcome::NotRunning
        } else {
            Outcome::Unchanged
        };
        assert_eq!(applied.outcome, expected);
    }
}

#[test]
fn included_files_work_within_an_nginx_of_the_operator() {
    let mut applying = Applying::prepare();
    let dir = applying.site.dir.path().to_owned();
    let main = dir.join("main.conf");
    let current = applying.target.nginx_dir.join("current");
    // As in nginx/README.md: the bracket makes it a pattern, and a pattern may match nothing.
    let text = format!(
        "{user}pid \"{pid}\"; error_log \"{log}\"; worker_processes 1; events {{ }} http {{ {temp} \
         include \"{current}/imgctl-http.con[f]\"; include \"{current}/imgctl-server.con[f]\"; }}",
        user = applying
            .site
            .settings
            .user
            .as_ref()
            .map_or(String::new(), |user| format!("user {user}; ")),
        pid = applying.site.settings.pid_file().display(),
        log = applying.site.settings.error_log().display(),
        temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path \"{}/{name}\"; ", dir.display()))
            .join(""),
        current = current.display(),
    );
    fs::write(&main, text).unwrap();
    applying.target.main_config = Some(main.clone());
    applying.site.settings.mode = Mode::Included;
    applying.site.run_nginx(&main);
    let pid_file = applying.site.settings.pid_file();
    for _ in 0..100 {
        if fs::read_to_string(&pid_file).is_ok_and(|text| !text.is_empty()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }

    let release = applying.change();
    let applied = apply(&release, &applying.target).unwrap();
    assert_eq!(applied.outcome, Outcome::Reloaded);
    applying.site.put("alias/_/a.png", "alias");
    assert_eq!(applying.site.get("/a.png").body, b"alias");

    fs::write(&main, "events { } http { broken; }").unwrap();
    let error = apply(&applying.change(), &applying.target).unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
    assert_eq!(applying.current(), Some(release.id));
}
