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
    assert_eq!(config.sandbox_ledger, "sqlite://boxoffice.sandbox.db");
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
    assert!(complete(&["--production", "--secret", own]).unwrap().production);
    assert!(complete(&["--production", "--demo", "--secret", own]).is_err());
}

#[test]
fn what_is_not_possible_is_said_with_the_setting() {
    for (flag, value) in [
        ("--holds", "redis://localhost"),
        ("--bus", "kafka://localhost"),
        ("--payments", "stripe"),
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
