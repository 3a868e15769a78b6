//! Amounts of money: whole minor units of one currency, never floating point.

use std::fmt;

/// An ISO 4217 currency code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads three capital letters.
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Currency {
    /// How many digits of an amount stand behind the point (ISO 4217).
    fn minor_digits(&self) -> u32 {
        match self.code() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

/// An amount in minor units (cents, pence, yen) of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// How many minor units.
    pub minor: i64,
}

impl Money {
    /// The sum of amounts that are all in `currency`; `None` if it does not fit.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = i64>) -> Option<Self> {
        let minor = amounts.into_iter().try_fold(0_i64, i64::checked_add)?;
        Some(Self { currency, minor })
    }
}

/// As people read it, e.g. `25.00 EUR` or `500 JPY`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let (code, magnitude) = (self.currency.code(), self.minor.unsigned_abs());
        let digits = self.currency.minor_digits();
        match 10_u64.pow(digits) {
            1 => write!(f, "{sign}{magnitude} {code}"),
            unit => {
                let width = usize::try_from(digits).unwrap_or(0);
                let (whole, part) = (magnitude / unit, magnitude % unit);
                write!(f, "{sign}{whole}.{part:0width$} {code}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_told_with_the_digits_of_its_currency() {
        let told = |code, minor| {
            Currency::parse(code).map(|currency| Money { currency, minor }.to_string())
        };
        assert_eq!(told("EUR", 2_505).as_deref(), Some("25.05 EUR"));
        assert_eq!(told("JPY", 500).as_deref(), Some("500 JPY"));
        assert_eq!(told("KWD", -1_005).as_deref(), Some("-1.005 KWD"));
    }

    #[test]
    fn only_three_capital_letters_are_a_currency() {
        assert!(Currency::parse("EUR").is_some());
        for wrong in ["", "EU", "EURO", "eur", "E1R", "€€€"] {
            assert!(Currency::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_refused_not_wrapped() {
        let Some(euro) = Currency::parse("EUR") else { panic!("EUR is a currency") };
        assert_eq!(Money::sum(euro, [1, 2]).map(|sum| sum.minor), Some(3));
        assert_eq!(Money::sum(euro, [i64::MAX, 1]), None);
    }
}
