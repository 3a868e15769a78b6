//! The QR code of a ticket, wherever it is drawn.

use qrcode::{Color, EcLevel, QrCode};

use crate::error::{Error, Result};

/// Light modules around a code; scanners need them (ISO/IEC 18004, 5.3.8).
pub const QUIET_ZONE: u16 = 4;

/// The modules of a code.
pub struct Modules {
    /// How many stand side by side, the light ones around them included.
    pub side: u16,
    /// The columns and rows of the dark ones, counted from the code's own corner.
    pub dark: Vec<(u16, u16)>,
}

/// Puts a text into a QR code.
pub fn modules(text: &str) -> Result<Modules> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Error::internal)?;
    let width = u16::try_from(code.width()).map_err(Error::internal)?;
    let mut dark = Vec::new();
    for (row, colors) in (0..width).zip(code.to_colors().chunks(code.width())) {
        let columns = (0..width).zip(colors).filter(|(_, color)| **color == Color::Dark);
        dark.extend(columns.map(|(column, _)| (column, row)));
    }
    Ok(Modules { side: width + 2 * QUIET_ZONE, dark })
}
