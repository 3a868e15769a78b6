//! The server refuses variables that it does not know; those of the command line it has to know.

use super::source::{Finding, Source, assert_none, sources};

const CONFIG: &str = "server/src/config.rs";

/// The variables that the command line reads, with where it says so.
fn variables(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for part in line.split("env = \"").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            found.push((index + 1, name.to_owned()));
        }
    }
    found
}

/// Those of them that the server would refuse to start beside.
fn refused(cli: &Source, config: &str) -> Vec<Finding> {
    let list = config.split_once("CLIENT_VARIABLES").map_or("", |(_, rest)| rest);
    let list = list.split_once("];").map_or("", |(list, _)| list);
    let unknown = variables(cli).into_iter().filter(|(_, name)| {
        name.starts_with("BOXOFFICE_") && !list.contains(&format!("\"{name}\""))
    });
    unknown
        .map(|(line, name)| cli.at(line, format!("the server refuses {name}: add it in {CONFIG}")))
        .collect()
}

#[test]
fn the_server_starts_beside_the_variables_of_the_command_line() {
    let sources = sources();
    let config = sources.iter().find(|source| source.path == CONFIG).expect("the settings");
    let cli = || sources.iter().filter(|source| source.path.starts_with("cli/src/"));
    assert!(cli().flat_map(variables).count() >= 5, "the command line reads variables");
    assert_none(&cli().flat_map(|source| refused(source, &config.text)).collect::<Vec<_>>());
}

#[test]
fn a_variable_that_the_server_does_not_know_is_found() {
    let cli =
        Source::new("cli/src/a.rs", "\n#[arg(long, env = \"BOXOFFICE_A\", value_name = \"A\")]");
    assert_eq!(variables(&cli), [(2, "BOXOFFICE_A".to_owned())]);
    let config =
        |name: &str| format!("const CLIENT_VARIABLES: [&str; 1] = [\"{name}\"];\n\"BOXOFFICE_A\"");
    assert_eq!(refused(&cli, &config("BOXOFFICE_B")).len(), 1);
    assert!(refused(&cli, &config("BOXOFFICE_A")).is_empty());
}
