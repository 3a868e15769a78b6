//! Tickets as PNG.

use tiny_skia::{
    FillRule, LineCap, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::font::Pen;
use super::layout::{Area, BLACK, Color, Drawing, HEIGHT, PIXELS_A_UNIT, Shape, WIDTH};
use crate::error::{Error, Result};

/// How far the control points of a quarter of a circle are from its ends, in radii.
const ROUND: f32 = 0.552_284_8;

/// The image.
pub fn draw(drawing: &Drawing) -> Result<Vec<u8>> {
    let scale = u32::from(PIXELS_A_UNIT);
    let pixels = Pixmap::new(WIDTH * scale, HEIGHT * scale);
    let mut image = Image { pixels: pixels.ok_or_else(|| Error::internal("an image of no size"))? };
    for shape in &drawing.shapes {
        image.add(shape, drawing)?;
    }
    image.pixels.encode_png().map_err(Error::internal)
}

struct Image {
    pixels: Pixmap,
}

fn scale() -> Transform {
    Transform::from_scale(f32::from(PIXELS_A_UNIT), f32::from(PIXELS_A_UNIT))
}

fn paint(Color(red, green, blue): Color, anti_alias: bool) -> Paint<'static> {
    let mut paint = Paint { anti_alias, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}

/// Draws the dark modules of a code, with sharp edges, from its corner on.
pub(super) fn fill_modules(
    pixels: &mut Pixmap,
    (x, y): (f32, f32),
    module: f32,
    dark: &[(u16, u16)],
    scale: Transform,
) {
    let black = paint(BLACK, false);
    for (column, row) in dark {
        let (left, top) = (x + module * f32::from(*column), y + module * f32::from(*row));
        if let Some(square) = Rect::from_xywh(left, top, module, module) {
            pixels.fill_rect(square, &black, scale, None);
        }
    }
}

impl Image {
    fn add(&mut self, shape: &Shape, drawing: &Drawing) -> Result<()> {
        match shape {
            Shape::Panel { area, radius, fill, border } => {
                let Some(path) = rounded(*area, *radius) else { return Ok(()) };
                self.fill(&path, &paint(*fill, true));
                if let Some(border) = border {
                    self.line(&path, *border, &Stroke::default());
                }
            }
            Shape::Perforation { x, top, bottom, color } => {
                let mut path = PathBuilder::new();
                path.move_to(*x, *top);
                path.line_to(*x, *bottom);
                let dash = StrokeDash::new(vec![8.0, 8.0], 0.0);
                let stroke =
                    Stroke { width: 2.0, line_cap: LineCap::Butt, dash, ..Stroke::default() };
                if let Some(path) = path.finish() {
                    self.line(&path, *color, &stroke);
                }
            }
            Shape::Text { x, y, weight, size, color, text } => {
                let mut outlines = Outlines(PathBuilder::new());
                drawing.fonts.draw(text, (*weight, *size), (*x, *y), &mut outlines)?;
                if let Some(path) = outlines.0.finish() {
                    self.fill(&path, &paint(*color, true));
                }
            }
            Shape::Code { x, y, module, dark } => {
                fill_modules(&mut self.pixels, (*x, *y), *module, dark, scale());
            }
        }
        Ok(())
    }

    fn fill(&mut self, path: &Path, paint: &Paint<'_>) {
        self.pixels.fill_path(path, paint, FillRule::Winding, scale(), None);
    }

    fn line(&mut self, path: &Path, color: Color, stroke: &Stroke) {
        self.pixels.stroke_path(path, &paint(color, true), stroke, scale(), None);
    }
}

fn rounded(Area(x, y, width, height): Area, radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    if radius <= 0.0 {
        path.push_rect(Rect::from_xywh(x, y, width, height)?);
        return path.finish();
    }
    let (right, bottom) = (x + width, y + height);
    let near = radius * (1.0 - ROUND);
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.cubic_to(right - near, y, right, y + near, right, y + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - near, right - near, bottom, right - radius, bottom);
    path.line_to(x + radius, bottom);
    path.cubic_to(x + near, bottom, x, bottom - near, x, bottom - radius);
    path.line_to(x, y + radius);
    path.cubic_to(x, y + near, x + near, y, x + radius, y);
    path.close();
    path.finish()
}

struct Outlines(PathBuilder);

impl Pen for Outlines {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.0.quad_to(cx, cy, x, y);
    }

    fn curve_to(&mut self, c1: (f32, f32), c2: (f32, f32), end: (f32, f32)) {
        self.0.cubic_to(c1.0, c1.1, c2.0, c2.1, end.0, end.1);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
