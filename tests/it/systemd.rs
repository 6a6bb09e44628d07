//! What systemd is told, by a socket in its place.

use tokio::net::UnixDatagram;

use crate::harness::{PATIENCE, World};

/// Receives until the service manager was told `expected`.
async fn told(manager: &UnixDatagram, expected: &str) {
    let mut datagram = [0; 1024];
    let receiving = async {
        loop {
            let length = manager.recv(&mut datagram).await.unwrap();
            let text = String::from_utf8_lossy(&datagram[..length]);
            if text.lines().any(|line| line == expected) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, receiving)
        .await
        .unwrap_or_else(|_| panic!("systemd is never told {expected}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_of_start_life_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let mut world = World::new().await;
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", world.sandbox.aws_endpoint().as_str()),
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
    ]);
    world.start();
    told(&manager, "READY=1").await;
    for _ in 0..3 {
        told(&manager, "WATCHDOG=1").await;
    }
    assert_eq!(world.stop().await.code(), Some(0), "{}", world.log());
    told(&manager, "STOPPING=1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_for_its_platform_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let mut world = World::new().await;
    world.set_variables(&[
        ("AWS_ENDPOINT_URL", world.sandbox.aws_endpoint().as_str()),
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
    ]);
    world.set_connection("port", "1");
    world.start();
    for _ in 0..3 {
        told(&manager, "WATCHDOG=1").await;
    }
    assert_eq!(world.stop().await.code(), Some(0), "{}", world.log());
    let mut all = String::new();
    let mut datagram = [0; 1024];
    while let Ok(length) = manager.try_recv(&mut datagram) {
        all += &String::from_utf8_lossy(&datagram[..length]);
    }
    assert!(
        all.contains("STOPPING=1") && !all.contains("READY=1"),
        "{all}"
    );
}
