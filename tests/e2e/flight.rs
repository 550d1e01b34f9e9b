//! One derivation, however many clients and processes ask at once, and whoever dies over it.

use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, ask};
use crate::harness::{Response, Site, wait_until};

#[test]
fn five_hundred_requests_at_once_for_a_new_derivative_cost_one_derivation() {
    let mut site = Site::init();
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let id = site.ingest_sample("sunset.jpg");
    let url = format!("/i/{id}.card~1.webp");

    let answers: Vec<Response> = thread::scope(|scope| {
        let asked: Vec<_> = (0..500).map(|_| scope.spawn(|| site.get(&url))).collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });

    assert_eq!(answers[0].status, 200, "{:?}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(site.get(&url), answers[0]);
    let told = format!("derived card~1.webp of {id} in ");
    assert_eq!(imgd.logged(&told), 1, "{}", imgd.log());
    assert_eq!(
        imgd.logged("WARN") + imgd.logged("ERROR"),
        0,
        "{}",
        imgd.log()
    );
}

#[test]
fn two_processes_that_are_asked_at_once_derive_once() {
    let site = Site::init();
    let daemons = [Daemon::start(&site), Daemon::start_second(&site)];
    let id = site.ingest_sample("waves.webp");
    for name in ["thumb~1.webp", "thumb~1.jpg", "card~1.webp", "card~1.png"] {
        let name = format!("{id}.{name}");
        let answers: Vec<Option<Response>> = thread::scope(|scope| {
            let asked: Vec<_> = (0..40)
                .map(|index| {
                    let (socket, name) = (daemons[index % 2].socket(), &name);
                    scope.spawn(move || ask(&socket, name))
                })
                .collect();
            asked
                .into_iter()
                .map(|asked| asked.join().unwrap())
                .collect()
        });
        let leads_to = format!("/__store/derived/{}/{name}", &id[..3]);
        for answer in answers {
            let answer = answer.unwrap();
            let accel = answer.header("x-accel-redirect");
            assert_eq!(accel, Some(leads_to.as_str()), "{answer:?}");
        }
    }
    let derived: usize = daemons.iter().map(|imgd| imgd.logged("derived ")).sum();
    assert_eq!(derived, 4, "{}\n{}", daemons[0].log(), daemons[1].log());
}

#[test]
fn what_a_killed_process_was_making_is_made_by_another_at_once() {
    // A lease of 200 s: nobody gets anywhere by waiting for its end.
    let slow = "[derive]\ntimeout_ms = 100000\nwait_timeout_ms = 100000\n\
                [presets.slow]\nwidth = 4000\nblur = 40\nformats = ['png']\n";
    let site = Site::init_with(slow);
    let (mut killed, heir) = (Daemon::start(&site), Daemon::start_second(&site));
    // Seconds of work in a debug build.
    let id = site.ingest("big.jpg", &img_core::imaging::noise_jpeg(5000, 4000, 7));
    let name = format!("{id}.slow~1.png");

    thread::scope(|scope| {
        let lost = scope.spawn(|| ask(&killed.socket(), &name));
        wait_until("the first has begun", || killed.logged("deriving ") == 1);
        let answer = scope.spawn(|| ask(&heir.socket(), &name));
        // Long enough for the second to find the claim taken.
        thread::sleep(Duration::from_millis(100));
        assert_eq!(
            killed.logged("derived "),
            0,
            "the image is too small for this test"
        );
        let pid = killed.pid();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let asked = Instant::now();

        assert_eq!(lost.join().unwrap(), None);
        let answer = answer.join().unwrap().unwrap();

        assert!(answer.header("x-accel-redirect").is_some(), "{answer:?}");
        assert!(asked.elapsed() < Duration::from_secs(60));
    });
    assert_eq!(heir.logged("derived "), 1, "{}", heir.log());
    killed.kill();
}

#[test]
fn an_answer_does_not_die_with_the_client_that_asked_first() {
    let mut site = Site::init();
    let imgd = Daemon::start(&site);
    site.start_nginx();
    let id = site.ingest("noise.jpg", &img_core::imaging::noise_jpeg(2000, 1500, 3));
    let url = format!("/i/{id}.card~1.webp");

    let impatient = std::net::TcpStream::connect(("127.0.0.1", site.port())).unwrap();
    let request = format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n");
    std::io::Write::write_all(&mut &impatient, request.as_bytes()).unwrap();
    wait_until("it is being made", || imgd.logged("deriving ") == 1);
    drop(impatient);

    assert_eq!(site.get(&url).status, 200);
    assert_eq!(imgd.logged("deriving "), 1, "{}", imgd.log());
    // Settled before it ends: the next start finds nothing to clean up.
    imgd.stop();
    let imgd = Daemon::start(&site);
    assert_eq!(imgd.logged("cleaned up"), 0, "{}", imgd.log());
}
