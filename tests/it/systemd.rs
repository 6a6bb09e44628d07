//! What systemd is told, by a socket in its place.

use tempfile::TempDir;
use tokio::net::UnixDatagram;

use crate::harness::{PATIENCE, World};

/// The service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    _folder: TempDir,
}

impl Manager {
    /// One that `world`'s next worker reports to.
    fn of(world: &mut World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        world.set_variables(&[
            ("AWS_ENDPOINT_URL", world.sandbox.aws_endpoint().as_str()),
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "100000"),
        ]);
        Self {
            socket,
            _folder: folder,
        }
    }

    /// Receives until it was told `expected`; answers all it was told before.
    async fn told(&self, expected: &str) -> Vec<String> {
        let mut before = Vec::new();
        let receiving = async {
            let mut datagram = [0; 1024];
            loop {
                let length = self.socket.recv(&mut datagram).await.unwrap();
                let text = String::from_utf8_lossy(&datagram[..length]);
                if text.lines().any(|line| line == expected) {
                    return;
                }
                before.extend(text.lines().map(str::to_owned));
            }
        };
        tokio::time::timeout(PATIENCE, receiving)
            .await
            .unwrap_or_else(|_| panic!("systemd is never told {expected}"));
        before
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_of_start_life_and_stop() {
    let mut world = World::new().await;
    let manager = Manager::of(&mut world);
    world.start();
    manager.told("READY=1").await;
    for _ in 0..3 {
        manager.told("WATCHDOG=1").await;
    }
    assert_eq!(world.stop().await.code(), Some(0), "{}", world.log());
    manager.told("STOPPING=1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_of_the_begin_and_end_of_a_reload_good_or_bad() {
    let mut world = World::new().await;
    let manager = Manager::of(&mut world);
    world.start();
    manager.told("READY=1").await;
    for interval in ["2s", "never"] {
        world.set("aws_gd_polling_interval", interval);
        world.reload();
        let before = manager.told("RELOADING=1").await;
        assert!(!before.contains(&"READY=1".to_owned()));
        manager.told("READY=1").await;
    }
    world.log_shows("the old one stays").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_for_its_platform_is_alive_and_not_ready() {
    let mut world = World::new().await;
    let manager = Manager::of(&mut world);
    world.set_connection("port", "1");
    world.start();
    for _ in 0..3 {
        manager.told("WATCHDOG=1").await;
    }
    assert_eq!(world.stop().await.code(), Some(0), "{}", world.log());
    let before = manager.told("STOPPING=1").await;
    assert!(!before.contains(&"READY=1".to_owned()), "{before:?}");
}
