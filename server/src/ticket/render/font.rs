//! Noto Sans, for measuring and drawing text. It has Latin, Greek and Cyrillic letters; whatever
//! else a title may hold is drawn as a replacement character, in PNG only.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};

use crate::error::{Error, Result};

static REGULAR: &[u8] = include_bytes!("../../../fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../../fonts/NotoSans-Bold.ttf");

const REPLACEMENT: char = '\u{fffd}';
const ELLIPSIS: char = '…';

/// How heavy text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For finding.
    Bold,
}

/// The font in both weights.
pub struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    /// Reads the font that the program carries.
    pub fn load() -> Result<Self> {
        let font = |bytes| FontRef::new(bytes).map_err(Error::internal);
        Ok(Self { regular: font(REGULAR)?, bold: font(BOLD)? })
    }

    fn font(&self, weight: Weight) -> &FontRef<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// The glyphs of a text, each with where it begins, and the width of all.
    fn glyphs(&self, text: &str, weight: Weight, size: f32) -> (Vec<(GlyphId, f32)>, f32) {
        let font = self.font(weight);
        let (letters, metrics) =
            (font.charmap(), font.glyph_metrics(Size::new(size), LocationRef::default()));
        let mut glyphs = Vec::new();
        let mut width = 0.0;
        for letter in text.chars() {
            let glyph = letters.map(letter).or_else(|| letters.map(REPLACEMENT));
            let glyph = glyph.unwrap_or_default();
            glyphs.push((glyph, width));
            width += metrics.advance_width(glyph).unwrap_or_default();
        }
        (glyphs, width)
    }

    /// How wide a text is.
    pub fn width(&self, text: &str, weight: Weight, size: f32) -> f32 {
        self.glyphs(text, weight, size).1
    }

    /// Whether the font has every letter of a text.
    pub fn knows(&self, text: &str, weight: Weight) -> bool {
        let letters = self.font(weight).charmap();
        text.chars().all(|letter| letters.map(letter).is_some())
    }

    /// The text if it fits, else as much of its beginning as does, with an ellipsis.
    pub fn fitted(&self, text: &str, weight: Weight, size: f32, room: f32) -> String {
        if self.width(text, weight, size) <= room {
            return text.to_owned();
        }
        let mut short: String = text.to_owned();
        while short.pop().is_some() {
            let shown = format!("{}{ELLIPSIS}", short.trim_end());
            if self.width(&shown, weight, size) <= room {
                return shown;
            }
        }
        String::new()
    }

    /// The text on as many lines as needed, at most two, broken between words.
    pub fn two_lines(&self, text: &str, weight: Weight, size: f32, room: f32) -> Vec<String> {
        let mut first = String::new();
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.peek() {
            let longer =
                if first.is_empty() { (*word).to_owned() } else { format!("{first} {word}") };
            if !first.is_empty() && self.width(&longer, weight, size) > room {
                break;
            }
            first = longer;
            words.next();
        }
        let second = words.collect::<Vec<_>>().join(" ");
        let lines = [first, second].into_iter().filter(|line| !line.is_empty());
        lines.map(|line| self.fitted(&line, weight, size, room)).collect()
    }

    /// Draws the outlines of a text that begins at `(x, y)`, the left end of its base line.
    pub fn draw(
        &self,
        text: &str,
        (weight, size): (Weight, f32),
        (x, y): (f32, f32),
        pen: &mut impl Pen,
    ) -> Result<()> {
        let outlines = self.font(weight).outline_glyphs();
        for (glyph, offset) in self.glyphs(text, weight, size).0 {
            let Some(outline) = outlines.get(glyph) else { continue };
            let settings = DrawSettings::unhinted(Size::new(size), LocationRef::default());
            let mut placed = Placed { pen: &mut *pen, x: x + offset, y };
            outline.draw(settings, &mut placed).map_err(Error::internal)?;
        }
        Ok(())
    }
}

/// What outlines are drawn with; y grows downwards.
pub trait Pen {
    /// Begins an outline.
    fn move_to(&mut self, x: f32, y: f32);
    /// Draws a straight line.
    fn line_to(&mut self, x: f32, y: f32);
    /// Draws a quadratic curve.
    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32);
    /// Draws a cubic curve.
    fn curve_to(&mut self, c1: (f32, f32), c2: (f32, f32), end: (f32, f32));
    /// Ends an outline where it began.
    fn close(&mut self);
}

/// A pen at the place of a glyph, whose own y grows upwards.
struct Placed<'p, P> {
    pen: &'p mut P,
    x: f32,
    y: f32,
}

impl<P: Pen> OutlinePen for Placed<'_, P> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.pen.move_to(self.x + x, self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.pen.line_to(self.x + x, self.y - y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.pen.quad_to(self.x + cx, self.y - cy, self.x + x, self.y - y);
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let place = |x, y| (self.x + x, self.y - y);
        let (c1, c2, end) = (place(cx0, cy0), place(cx1, cy1), place(x, y));
        self.pen.curve_to(c1, c2, end);
    }

    fn close(&mut self) {
        self.pen.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_too_long_is_cut_and_says_so() {
        let fonts = Fonts::load().unwrap();
        let fitted = |text, room| fonts.fitted(text, Weight::Bold, 30.0, room);
        assert_eq!(fitted("Ring", 500.0), "Ring");
        let short = fitted("Der Ring des Nibelungen", 200.0);
        assert!(short.starts_with("Der Ring") && short.ends_with('…'), "{short}");
        assert!(fonts.width(&short, Weight::Bold, 30.0) <= 200.0);
        assert_eq!(fitted("Ring", 1.0), "");
        assert!(fonts.knows("Łódź, Αθήνα, Київ", Weight::Regular));
        assert!(!fonts.knows("東京", Weight::Bold));
    }

    #[test]
    fn titles_are_broken_between_words() {
        let fonts = Fonts::load().unwrap();
        let lines = |text, room| fonts.two_lines(text, Weight::Bold, 30.0, room);
        assert_eq!(lines("An Evening", 500.0), ["An Evening"]);
        assert_eq!(lines("An Evening of Song", 220.0), ["An Evening of", "Song"]);
        assert_eq!(lines("", 220.0), Vec::<String>::new());
        let long = lines("Nevertheless Extraordinarily Long Titles Exist", 220.0);
        assert_eq!(long.len(), 2);
        assert!(long.last().is_some_and(|line| line.ends_with('…')), "{long:?}");
    }
}
