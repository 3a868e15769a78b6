//! The code of a ticket alone, for mails.

use qrcode::{Color, EcLevel, QrCode};
use tiny_skia::{Paint, Pixmap, Rect, Transform};

use crate::error::{Error, Result};

/// Pixels of a module.
const MODULE: u16 = 5;
/// Modules of white around the code; scanners need four.
const QUIET: u16 = 4;

/// A QR code of the text as PNG.
pub fn code_png(code: &str) -> Result<Vec<u8>> {
    let unfit = || Error::internal("a code that does not fit into an image");
    let qr = QrCode::with_error_correction_level(code, EcLevel::M).map_err(Error::internal)?;
    let width = u16::try_from(qr.width()).map_err(|_| unfit())?;
    let side = u32::from((width + 2 * QUIET) * MODULE);
    let mut image = Pixmap::new(side, side).ok_or_else(unfit)?;
    image.fill(tiny_skia::Color::WHITE);
    let black = Paint { anti_alias: false, ..Paint::default() };
    for (row, modules) in (0_u16..).zip(qr.to_colors().chunks(qr.width())) {
        for (column, _) in (0_u16..).zip(modules).filter(|(_, color)| **color == Color::Dark) {
            let [x, y] = [column, row].map(|at| f32::from((at + QUIET) * MODULE));
            let module = Rect::from_xywh(x, y, f32::from(MODULE), f32::from(MODULE));
            image.fill_rect(module.ok_or_else(unfit)?, &black, Transform::identity(), None);
        }
    }
    image.encode_png().map_err(Error::internal)
}
