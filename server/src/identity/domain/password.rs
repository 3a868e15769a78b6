//! Which passwords are good enough. Length decides, not composition (OWASP ASVS 5.0, 6.2).

use std::ops::RangeInclusive;

/// Characters a password may have.
pub const PASSWORD_LENGTH: RangeInclusive<usize> = 8..=256;

/// The most common passwords that are long enough, in lower case, one a line.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password that the policy allows. It is neither shown nor compared; it is only hashed.
#[derive(Clone)]
pub struct NewPassword(String);

/// Why a password is not good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// It is too short or too long.
    Length,
    /// It is one of the first an attacker tries.
    Common,
}

impl PasswordFault {
    /// What a password must be instead.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Length => "must be 8 to 256 characters",
            Self::Common => "must not be one of the most common passwords",
        }
    }
}

impl NewPassword {
    /// Checks a password as it was typed: nothing is trimmed, folded or cut.
    pub fn parse(text: &str) -> Result<Self, PasswordFault> {
        // Four bytes a character at the most: a text of megabytes isn't even counted.
        if text.len() > 4 * PASSWORD_LENGTH.end() {
            return Err(PasswordFault::Length);
        }
        if !PASSWORD_LENGTH.contains(&text.chars().count()) {
            return Err(PasswordFault::Length);
        }
        let lower = text.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Err(PasswordFault::Common);
        }
        Ok(Self(text.to_owned()))
    }

    /// The password itself.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<PasswordFault> {
        NewPassword::parse(text).err()
    }

    #[test]
    fn length_counts_characters_and_any_kind_of_them_is_allowed() {
        assert_eq!(fault(""), Some(PasswordFault::Length));
        assert_eq!(fault("äöüäöüä"), Some(PasswordFault::Length));
        assert_eq!(fault("äöüäöüäß"), None);
        assert_eq!(fault("with blanks and \0 and 🎫"), None);
        assert_eq!(fault(&"x".repeat(64)), None);
        assert_eq!(fault(&"🎫".repeat(256)), None);
        assert_eq!(fault(&"x".repeat(257)), Some(PasswordFault::Length));
        assert_eq!(fault(&"x".repeat(1 << 20)), Some(PasswordFault::Length));
    }

    #[test]
    fn the_common_ones_are_refused_in_any_letter_case() {
        for common in ["password", "PassWord", "12345678", "QWERTYUIOP", "iloveyou1"] {
            assert_eq!(fault(common), Some(PasswordFault::Common), "{common}");
        }
        assert_eq!(fault("password of mine"), None);
    }

    #[test]
    fn every_line_of_the_list_can_be_met() {
        let mut count = 0;
        for common in COMMON.lines() {
            assert!(PASSWORD_LENGTH.contains(&common.chars().count()), "{common}");
            assert_eq!(common.to_lowercase(), common);
            count += 1;
        }
        assert!(count >= 100, "{count}");
    }
}
