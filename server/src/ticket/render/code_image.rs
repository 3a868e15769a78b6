//! The code of a ticket alone, for mails.

use tiny_skia::{Pixmap, Transform};

use super::modules::{QUIET_ZONE, modules};
use super::png::fill_modules;
use crate::error::{Error, Result};

/// Pixels of a module.
const MODULE: u16 = 5;

/// A QR code of the text as PNG.
pub fn code_png(code: &str) -> Result<Vec<u8>> {
    let modules = modules(code)?;
    let pixels = u32::from(modules.side * MODULE);
    let image = Pixmap::new(pixels, pixels);
    let mut image = image.ok_or_else(|| Error::internal("an image of no size"))?;
    image.fill(tiny_skia::Color::WHITE);
    let module = f32::from(MODULE);
    let corner = f32::from(QUIET_ZONE * MODULE);
    fill_modules(&mut image, (corner, corner), module, &modules.dark, Transform::identity());
    image.encode_png().map_err(Error::internal)
}
