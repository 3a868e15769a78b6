//! Tickets as SVG. Text stays text, so that it can be searched, copied and read aloud.

use std::fmt::Write as _;

use super::font::{Fonts, Weight};
use super::layout::{Area, BLACK, Color, Drawing, HEIGHT, Shape, WIDTH};

const FONT: &str = "'Noto Sans', 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// The document.
pub fn draw(drawing: &Drawing) -> String {
    let name = escaped(&drawing.name);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"{FONT}\">\n\
         <title>{name}</title>\n"
    );
    for shape in &drawing.shapes {
        text.push_str(&element(shape, &drawing.fonts));
        text.push('\n');
    }
    text.push_str("</svg>\n");
    text
}

fn element(shape: &Shape, fonts: &Fonts) -> String {
    match shape {
        Shape::Panel { area: Area(x, y, width, height), radius, fill, border } => {
            let border = border.map(|color| format!(" stroke=\"{}\"", hex(color)));
            let border = border.unwrap_or_default();
            format!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\" \
                 fill=\"{}\"{border}/>",
                hex(*fill)
            )
        }
        Shape::Perforation { x, top, bottom, color } => format!(
            "<path d=\"M{x} {top}V{bottom}\" stroke=\"{}\" stroke-width=\"2\" \
             stroke-dasharray=\"8 8\"/>",
            hex(*color)
        ),
        Shape::Text { x, y, weight, size, color, text } => {
            // As wide as in the font it was measured with, whatever font there is.
            let width = match fonts.knows(text, *weight) {
                true => format!(
                    " textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\"",
                    fonts.width(text, *weight, *size)
                ),
                false => String::new(),
            };
            let weight = match weight {
                Weight::Regular => "",
                Weight::Bold => " font-weight=\"bold\"",
            };
            let (color, text) = (hex(*color), escaped(text));
            format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\"{weight}{width} \
                 fill=\"{color}\">{text}</text>"
            )
        }
        Shape::Code { x, y, module, dark } => {
            // One path in units of a module.
            let mut path = String::new();
            for (column, row) in dark {
                write!(path, "M{column} {row}h1v1h-1z").unwrap_or_default();
            }
            format!(
                "<path transform=\"translate({x} {y}) scale({module})\" fill=\"{}\" \
                 shape-rendering=\"crispEdges\" d=\"{path}\"/>",
                hex(BLACK)
            )
        }
    }
}

fn hex(Color(red, green, blue): Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text that cannot be anything but text: no markup, and no characters that XML does not know.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_become_markup() {
        let title = "</title><script>alert('1')</script> & \"more\"\u{8}";
        let safe = "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; \
                    &quot;more&quot; ";
        assert_eq!(escaped(title), safe);
    }
}
