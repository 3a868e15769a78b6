//! Gates that are kept in files, with the command line: no entry is lost, whatever is typed.

use boxoffice_sdk::ticket::v1::Ticket;
use boxoffice_tests::{ADMIN, Shell, Stage, StagePlan, World, scenarios};
use futures::future::join_all;

/// As many people as come to one gate at the same time.
const SCANS: usize = 8;

/// A gate in a file, and the tickets of those who come to it.
struct Entrance {
    shell: Shell,
    event_id: String,
    tickets: Vec<Ticket>,
}

impl Entrance {
    async fn open(world: &World, count: usize) -> Self {
        let stage = Stage::publish(&world.admin().await, &StagePlan::default()).await;
        let seats: Vec<&str> = (0..count).map(|index| stage.seat(index)).collect();
        let buyer = world.guest().await;
        let tickets = buyer.tickets_of(&buyer.buy(&stage.event_id, &seats).await).await;
        let shell = Shell::signed_in(world, ADMIN).await;
        shell.json(&["gate", "open", &stage.event_id, "--name", "north"]).await;
        Self { shell, event_id: stage.event_id, tickets }
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        self.tickets.iter().map(|ticket| ticket.code.as_str())
    }

    /// Scans codes at the same time, without a network, and says how many were let in.
    async fn scan_at_once(&self, codes: impl Iterator<Item = &str>) -> usize {
        let scan = async |code| {
            let output = self.shell.run(&["gate", "scan", "--offline", code]).await;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains("Admitted") || said.contains("was used"), "{output:?}");
            output.status.success()
        };
        join_all(codes.map(scan)).await.into_iter().filter(|admitted| *admitted).count()
    }

    async fn told_count(&self) -> usize {
        self.shell.json(&["gate", "sync"]).await.as_array().expect("a list").len()
    }
}

scenarios! {
    async fn s_53_a_gate_with_entries_to_tell_is_not_opened_anew(world: &World) {
        let entrance = Entrance::open(world, 1).await;
        assert_eq!(entrance.scan_at_once(entrance.codes()).await, 1);
        let anew = ["gate", "open", &entrance.event_id, "--name", "south"];
        let refused = entrance.shell.run(&anew).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("boxoffice gate sync"), "{refused:?}");
        assert_eq!(entrance.told_count().await, 1, "the entry is still there");
        entrance.shell.json(&anew).await;
        // What is no gate's file is somebody's, and stays.
        let file = entrance.shell.folder.path().join("gate.json");
        std::fs::write(&file, "precious").expect("it is written");
        assert!(!entrance.shell.run(&anew).await.status.success());
        assert_eq!(std::fs::read_to_string(&file).expect("it is read"), "precious");
    }

    async fn s_53_scans_at_the_same_time_lose_no_entry_and_admit_nobody_twice(world: &World) {
        let entrance = Entrance::open(world, SCANS).await;
        assert_eq!(entrance.scan_at_once(entrance.codes()).await, SCANS);
        assert_eq!(entrance.told_count().await, SCANS);
        let entrance = Entrance::open(world, 1).await;
        let code = entrance.codes().next().expect("a code");
        let copies = std::iter::repeat_n(code, SCANS);
        assert_eq!(entrance.scan_at_once(copies).await, 1, "one ticket, one entry");
    }
}
