//! What stands where on a ticket.

use super::font::{Fonts, Weight};
use super::modules::{Modules, QUIET_ZONE, modules};
use super::{png, svg};
use crate::error::Result;
use crate::kernel::event_facts::EventFacts;
use crate::kernel::local_time::local_time;
use crate::ticket::domain::{Ticket, TicketState};

/// The size of a ticket, in units of the layout.
pub const WIDTH: u32 = 1_000;
/// The height of a ticket.
pub const HEIGHT: u32 = 400;
/// Pixels a unit in formats that have pixels.
pub const PIXELS_A_UNIT: u16 = 2;

/// The left edge of the text, and how much room it has.
const TEXT_LEFT: f32 = 62.0;
const TEXT_ROOM: f32 = 560.0;
/// The room of the code: left, top, and both sides.
const CODE_LEFT: f32 = 680.0;
const CODE_TOP: f32 = 38.0;
const CODE_SIDE: f32 = 280.0;

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

pub const WHITE: Color = Color(255, 255, 255);
pub const BLACK: Color = Color(0, 0, 0);
const INK: Color = Color(24, 32, 56);
const GREY: Color = Color(96, 106, 128);
const PALE: Color = Color(154, 162, 178);
const LINE: Color = Color(208, 214, 226);
const MIST: Color = Color(240, 242, 246);
const ACCENT: Color = Color(58, 76, 204);
const AMBER: Color = Color(168, 98, 0);
const RED: Color = Color(190, 24, 36);

/// What a ticket shows.
pub struct TicketFacts<'f> {
    /// The ticket.
    pub ticket: &'f Ticket,
    /// What it tells of its event.
    pub event: &'f EventFacts,
    /// Its code.
    pub code: &'f str,
}

/// A ticket with everything in its place.
pub struct Drawing {
    /// What it is, for those who do not see it.
    pub(super) name: String,
    pub(super) shapes: Vec<Shape>,
    pub(super) fonts: Fonts,
}

/// Where something stands: left, top, width, height.
#[derive(Clone, Copy, Debug)]
pub struct Area(pub f32, pub f32, pub f32, pub f32);

/// Something on a ticket. What comes later lies on top.
pub enum Shape {
    /// A rectangle with round corners.
    Panel { area: Area, radius: f32, fill: Color, border: Option<Color> },
    /// Where the stub is torn off.
    Perforation { x: f32, top: f32, bottom: f32, color: Color },
    /// A line of text that begins at `x` on the base line `y`.
    Text { x: f32, y: f32, weight: Weight, size: f32, color: Color, text: String },
    /// The dark modules of a QR code: the place of the first, their size, and their columns and
    /// rows.
    Code { x: f32, y: f32, module: f32, dark: Vec<(u16, u16)> },
}

impl Drawing {
    /// Puts everything in its place. A void ticket has no code.
    pub fn new(facts: &TicketFacts<'_>) -> Result<Self> {
        let place = facts.ticket.label();
        let name = format!("Ticket: {}, {place}", facts.event.title);
        let mut drawing = Self { name, shapes: Vec::new(), fonts: Fonts::load()? };
        let void = facts.ticket.state == TicketState::Void;
        drawing.card(void);
        drawing.event(facts, void);
        drawing.place(facts.ticket, void);
        if void {
            drawing.void_mark();
        } else {
            drawing.code(facts.code)?;
        }
        let number = facts.ticket.ticket_id.to_string();
        drawing.centered(&number, Weight::Regular, 12.5, CODE_TOP + CODE_SIDE + 30.0, GREY);
        Ok(drawing)
    }

    /// The ticket as an SVG document, in UTF-8.
    pub fn to_svg(&self) -> Vec<u8> {
        svg::draw(self).into_bytes()
    }

    /// The ticket as a PNG image.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        png::draw(self)
    }

    fn panel(&mut self, area: Area, radius: f32, fill: Color, border: Option<Color>) {
        self.shapes.push(Shape::Panel { area, radius, fill, border });
    }

    fn text(&mut self, text: &str, (weight, size): (Weight, f32), at: (f32, f32), color: Color) {
        let text = text.to_owned();
        self.shapes.push(Shape::Text { x: at.0, y: at.1, weight, size, color, text });
    }

    /// A line of text in the middle of the stub.
    fn centered(&mut self, text: &str, weight: Weight, size: f32, y: f32, color: Color) {
        let text = self.fonts.fitted(text, weight, size, CODE_SIDE);
        let x = CODE_LEFT + (CODE_SIDE - self.fonts.width(&text, weight, size)) / 2.0;
        self.text(&text, (weight, size), (x, y), color);
    }

    fn card(&mut self, void: bool) {
        let edge = if void { PALE } else { ACCENT };
        self.panel(Area(0.0, 0.0, 1_000.0, 400.0), 0.0, WHITE, None);
        self.panel(Area(10.0, 10.0, 980.0, 380.0), 18.0, WHITE, Some(LINE));
        self.panel(Area(26.0, 38.0, 8.0, 324.0), 4.0, edge, None);
        self.shapes.push(Shape::Perforation { x: 650.0, top: 26.0, bottom: 374.0, color: LINE });
    }

    /// Title, time and venue.
    fn event(&mut self, facts: &TicketFacts<'_>, void: bool) {
        let (heading, color) = match (facts.ticket.state, &facts.ticket.entry) {
            (TicketState::Used, Some(entry)) => {
                let time = local_time(entry.time, &facts.event.time_zone);
                (format!("Used: {time}, gate {}", entry.gate), AMBER)
            }
            (TicketState::Void, _) => ("Not valid".to_owned(), RED),
            _ => ("Admit one".to_owned(), ACCENT),
        };
        let heading = self.fonts.fitted(&heading, Weight::Bold, 17.0, TEXT_ROOM);
        self.text(&heading, (Weight::Bold, 17.0), (TEXT_LEFT, 62.0), color);
        let (ink, grey) = if void { (PALE, PALE) } else { (INK, GREY) };
        let lines = self.fonts.two_lines(&facts.event.title, Weight::Bold, 38.0, TEXT_ROOM);
        let mut y = 66.0;
        for line in lines {
            y += 46.0;
            self.text(&line, (Weight::Bold, 38.0), (TEXT_LEFT, y), ink);
        }
        let time = local_time(facts.event.start_time, &facts.event.time_zone);
        self.text(&time, (Weight::Regular, 21.0), (TEXT_LEFT, y + 40.0), ink);
        let venue = format!("{}, {}", facts.event.venue_name, facts.event.city);
        let venue = self.fonts.fitted(&venue, Weight::Regular, 21.0, TEXT_ROOM);
        self.text(&venue, (Weight::Regular, 21.0), (TEXT_LEFT, y + 70.0), grey);
    }

    /// Section, row, seat and offer, side by side.
    fn place(&mut self, ticket: &Ticket, void: bool) {
        let place = &ticket.place;
        let facts = [
            ("Section", &place.section_name),
            ("Row", &place.row_label),
            ("Seat", &place.seat_label),
            ("Ticket", &place.offer_name),
        ];
        let (ink, grey) = if void { (PALE, PALE) } else { (INK, GREY) };
        let mut x = TEXT_LEFT;
        for (label, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
            let room = (TEXT_LEFT + TEXT_ROOM - x).max(0.0);
            let room = if label == "Section" { room.min(260.0) } else { room };
            let value = self.fonts.fitted(value, Weight::Bold, 30.0, room);
            let label_width = self.fonts.width(label, Weight::Regular, 15.0);
            if label_width > room {
                break;
            }
            self.text(label, (Weight::Regular, 15.0), (x, 306.0), grey);
            self.text(&value, (Weight::Bold, 30.0), (x, 344.0), ink);
            x += self.fonts.width(&value, Weight::Bold, 30.0).max(label_width) + 40.0;
        }
    }

    fn code(&mut self, code: &str) -> Result<()> {
        let Modules { side, dark } = modules(code)?;
        // A whole number of pixels a module, so that edges are sharp.
        let pixels = (CODE_SIDE * f32::from(PIXELS_A_UNIT) / f32::from(side)).floor();
        let module = pixels / f32::from(PIXELS_A_UNIT);
        let margin = ((CODE_SIDE - module * f32::from(side)) / 2.0).floor();
        let inset = margin + module * f32::from(QUIET_ZONE);
        let (x, y) = (CODE_LEFT + inset, CODE_TOP + inset);
        self.shapes.push(Shape::Code { x, y, module, dark });
        Ok(())
    }

    /// What stands where the code was.
    fn void_mark(&mut self) {
        self.panel(Area(CODE_LEFT, CODE_TOP, CODE_SIDE, CODE_SIDE), 14.0, MIST, Some(RED));
        self.centered("VOID", Weight::Bold, 84.0, CODE_TOP + 160.0, RED);
        self.centered("No entry with this ticket", Weight::Regular, 17.0, CODE_TOP + 206.0, RED);
    }
}
