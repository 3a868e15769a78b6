//! Compiles the protos with protox (no protoc needed) and embeds their descriptors.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn collect_protos(directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_protos(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo:rerun-if-changed={}", root.join("boxoffice").display());
    let mut files = Vec::new();
    collect_protos(&root.join("boxoffice"), &mut files)?;
    files.sort();

    // The code is generated with source information, which becomes doc comments.
    let mut documented = protox::Compiler::new([&root])?;
    documented.include_imports(true).include_source_info(true).open_files(&files)?;

    // The embedded descriptors are protox's own encoding: prost-types would drop our options.
    let mut embedded = protox::Compiler::new([&root])?;
    embedded.include_imports(true).include_source_info(false).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), embedded.encode_file_descriptor_set())?;

    tonic_prost_build::configure()
        .build_transport(true)
        .include_file("packages.rs")
        .compile_fds(documented.file_descriptor_set())?;
    Ok(())
}
