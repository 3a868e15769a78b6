use super::*;

fn settings(flags: &[&str]) -> Settings {
    let arguments = std::iter::once("boxoffice-server").chain(flags.iter().copied());
    Settings::read(arguments.map(Into::into), []).unwrap()
}

fn complete(flags: &[&str]) -> Result<Config, Complaint> {
    settings(flags).complete(|_| Ok("0123456789abcdefghijklmnopqrstuvwxyz".into()))
}

#[test]
fn nothing_has_to_be_set_to_try_it() {
    let config = complete(&[]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:50051");
    assert_eq!(config.database, "sqlite://boxoffice.db");
    let Payments::Sandbox { ledger } = config.payments else { panic!("the sandbox") };
    assert_eq!(ledger, "sqlite://boxoffice.sandbox.db");
    assert_eq!(complete(&["--demo"]).unwrap().database, "sqlite://boxoffice-demo.db");
}

#[test]
fn production_names_the_secret_that_is_missing_or_known() {
    let missing = complete(&["--production"]).err().unwrap();
    assert!(missing.contains("BOXOFFICE_SECRET is not set"), "{missing}");
    let known = complete(&["--production", "--secret", EXAMPLE_SECRET]).err().unwrap();
    assert!(known.contains("BOXOFFICE_SECRET"), "{known}");
    let weak = complete(&["--production", "--secret", "short"]).err().unwrap();
    assert!(weak.contains("BOXOFFICE_SECRET"), "{weak}");
    let own = "an own secret of some 40 different signs";
    let website = ["--mail-from", "tickets@shop.example", "--public-url", "https://shop.example"];
    let whole = [&["--production", "--secret", own][..], &website].concat();
    assert!(complete(&whole).unwrap().production);
    assert!(complete(&["--production", "--demo", "--secret", own]).is_err());
}

#[test]
fn production_sends_no_mail_from_or_to_nowhere() {
    let own = ["--production", "--secret", "an own secret of some 40 different signs"];
    let (from, url) =
        (["--mail-from", "tickets@shop.example"], ["--public-url", "https://shop.example"]);
    let missing = complete(&[&own[..], &url].concat()).err().unwrap();
    assert!(missing.contains("--mail-from is not set"), "{missing}");
    let missing = complete(&[&own[..], &from].concat()).err().unwrap();
    assert!(missing.contains("--public-url is not set"), "{missing}");
}

#[test]
fn what_is_not_possible_is_said_with_the_setting() {
    for (flag, value) in [
        ("--holds", "redis://localhost"),
        ("--bus", "kafka://localhost"),
        ("--payments", "stripe"),
        ("--payments", "sandbox+https://localhost:1"),
        ("--payments", "sandbox+http://"),
        ("--sandbox-webhooks", "lost=5"),
        ("--mail", "smtp://mail.example"),
        ("--mail", "mails"),
        ("--mail", "dir:"),
        ("--mail-from", "nobody"),
        ("--public-url", "shop.example"),
        ("--public-url", "https://"),
        ("--database", "mysql://localhost"),
        ("--database", "sqlite://"),
    ] {
        let complaint = complete(&[flag, value]).err().unwrap();
        assert!(complaint.contains(flag), "{complaint}");
    }
}

#[test]
fn an_unknown_setting_stops_the_start() {
    let flags = || ["boxoffice-server".into()];
    let unknown = Settings::read(flags(), ["BOXOFFICE_DATABSE".to_owned()]);
    let Err(SettingsError::Complaint(complaint)) = unknown else { panic!("a complaint") };
    assert!(complaint.contains("BOXOFFICE_DATABSE"), "{complaint}");
    assert!(Settings::read(flags(), ["BOXOFFICE_LISTEN".to_owned(), "PATH".to_owned()]).is_ok());
    let clients = CLIENT_VARIABLES.map(str::to_owned);
    assert!(Settings::read(flags(), clients).is_ok());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boxoffice.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:9\"\ndatabse = \"x\"\n").unwrap();
    let wrong = Settings::from_file(&path).err().unwrap();
    assert!(wrong.contains("databse"), "{wrong}");
}

#[test]
fn flags_win_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boxoffice.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:9\"\nadmin_email = \"a@b.example\"\n").unwrap();
    let file = path.to_str().unwrap();
    let config = complete(&["--config", file, "--listen", "127.0.0.1:7"]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:7");
    assert_eq!(config.admin_email, "a@b.example");
}

#[test]
fn secrets_do_not_show_in_the_debug_form() {
    let config = complete(&["--secret", "an own secret of some 40 different signs"]).unwrap();
    assert!(!format!("{:?}", config.secret).contains("different"));
}

#[test]
fn a_sandbox_elsewhere_needs_a_secret_that_is_long_enough() {
    let elsewhere = ["--payments", "sandbox+http://127.0.0.1:50052", "--webhook-secret"];
    let with = |secret: &'static str| {
        let [flag, value, secret_flag] = elsewhere;
        complete(&[flag, value, secret_flag, secret])
    };
    for complaint in [complete(&elsewhere[..2]).err(), with("short").err()] {
        assert!(complaint.unwrap().contains("BOXOFFICE_WEBHOOK_SECRET"));
    }
    let config = with("whsec_0123456789abcdef").unwrap();
    let Payments::RemoteSandbox { url, .. } = config.payments else { panic!("elsewhere") };
    assert_eq!(url, "http://127.0.0.1:50052");
    assert!(complete(&["--sandbox-webhooks", "off"]).unwrap().sandbox_webhooks.is_none());
}

#[test]
fn a_setting_of_the_other_kind_of_sandbox_stops_the_start() {
    let secret = ["--webhook-secret", "whsec_0123456789abcdef"];
    let elsewhere = ["--payments", "sandbox+http://127.0.0.1:50052", secret[0], secret[1]];
    for given in [["--sandbox-webhooks", "off"], ["--sandbox-ledger", "sqlite://a.db"]] {
        let complaint = complete(&[&elsewhere[..], &given[..]].concat()).err().unwrap();
        assert!(complaint.contains(given[0]), "{complaint}");
        complete(&given).unwrap();
    }
    let complaint = complete(&secret).err().unwrap();
    assert!(complaint.contains("BOXOFFICE_WEBHOOK_SECRET"), "{complaint}");
}

#[test]
fn the_sandbox_has_settings_of_its_own() {
    let sandbox = |flags: &[&str]| {
        let all: Vec<&str> = ["sandbox", "--ledger", "a.db"].iter().chain(flags).copied().collect();
        let Some(Command::Sandbox(sandbox)) = settings(&all).command else { panic!("a sandbox") };
        sandbox.complete()
    };
    let config = sandbox(&[]).unwrap();
    assert_eq!((config.ledger.as_str(), config.webhooks.is_none()), ("sqlite://a.db", true));
    let url = "http://127.0.0.1:1/webhooks/sandbox";
    let unsigned = sandbox(&["--webhook-url", url]).err().unwrap();
    assert!(unsigned.contains("BOXOFFICE_WEBHOOK_SECRET"), "{unsigned}");
    let nowhere = sandbox(&["--webhooks", "late=5"]).err().unwrap();
    assert!(nowhere.contains("--webhook-url"), "{nowhere}");
    sandbox(&["--webhooks", "off"]).unwrap();
    let secret = "whsec_0123456789abcdef";
    let flags = ["--webhook-url", url, "--webhook-secret", secret, "--webhooks", "late=5"];
    let config = sandbox(&flags).unwrap();
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
    assert_eq!(config.webhooks.unwrap().2.late, 5);
}

#[test]
fn mails_go_beside_the_database_unless_told_otherwise() {
    let config = complete(&["--database", "sqlite:///var/lib/shop.db"]).unwrap();
    assert_eq!(config.mail_folder, PathBuf::from("/var/lib/shop.mails"));
    assert_eq!(config.public_url, None);
    let flags = ["--mail", "dir:/tmp/mails", "--public-url", "https://shop.example/"];
    let config = complete(&flags).unwrap();
    assert_eq!(config.mail_folder, PathBuf::from("/tmp/mails"));
    assert_eq!(config.public_url.as_deref(), Some("https://shop.example"));
}

#[test]
fn a_password_for_mail_is_not_repeated() {
    for url in ["smtp://me:hunter2@mail.example", "smtps://me:hunter2@a", "ftp://me:hunter2@a"] {
        let complaint = complete(&["--mail", url]).err().unwrap();
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}
