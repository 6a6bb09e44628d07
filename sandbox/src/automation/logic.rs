//! The formula of a rule with advanced logic, such as `(1 OR 2) AND 3`. Pure.

/// Evaluates a formula over numbered conditions; `AND` binds tighter than `OR`, and blanks may be missing (`4 OR1`).
/// An error says what is wrong with the formula.
pub(super) fn evaluate(formula: &str, holds: &dyn Fn(i64) -> Option<bool>) -> Result<bool, String> {
    let tokens = tokenize(formula)?;
    let mut parser = Parser {
        rest: &tokens,
        holds,
    };
    let value = parser.any()?;
    match parser.rest.first() {
        None => Ok(value),
        Some(token) => Err(format!("unexpected {token:?} in {formula:?}")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Condition(i64),
}

fn tokenize(formula: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = formula.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_same_kind: fn(char) -> bool = match first {
            '(' | ')' => |_| false,
            '0'..='9' => |character| character.is_ascii_digit(),
            _ => |character| character.is_alphabetic(),
        };
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, character)| !is_same_kind(*character));
        let (word, tail) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        tokens.push(match word.to_ascii_uppercase().as_str() {
            "(" => Token::Open,
            ")" => Token::Close,
            "AND" => Token::And,
            "OR" => Token::Or,
            number => Token::Condition(
                number
                    .parse()
                    .map_err(|_| format!("unknown word {word:?} in {formula:?}"))?,
            ),
        });
        rest = tail.trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    rest: &'a [Token],
    holds: &'a dyn Fn(i64) -> Option<bool>,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<bool, String> {
        let mut value = self.all()?;
        while self.take(Token::Or) {
            value |= self.all()?;
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut value = self.one()?;
        while self.take(Token::And) {
            value &= self.one()?;
        }
        Ok(value)
    }

    fn one(&mut self) -> Result<bool, String> {
        let Some((token, rest)) = self.rest.split_first() else {
            return Err("the formula ends too early".to_owned());
        };
        self.rest = rest;
        match token {
            Token::Condition(number) => {
                (self.holds)(*number).ok_or_else(|| format!("there is no condition {number}"))
            }
            Token::Open => {
                let value = self.any()?;
                if self.take(Token::Close) {
                    Ok(value)
                } else {
                    Err("a bracket is not closed".to_owned())
                }
            }
            other => Err(format!("unexpected {other:?}")),
        }
    }

    fn take(&mut self, wanted: Token) -> bool {
        let taken = self.rest.first() == Some(&wanted);
        if taken {
            self.rest = &self.rest[1..];
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    /// Of the conditions 1 to 4 the odd ones hold.
    fn odd(number: i64) -> Option<bool> {
        (1..=4).contains(&number).then_some(number % 2 == 1)
    }

    #[test]
    fn and_binds_tighter_than_or() {
        for (formula, expected) in [
            ("1", true),
            ("2 or 1 AND 3", true),
            ("1 OR 2 AND 4", true),
            ("(1 OR 2) AND 4", false),
            ("4 OR 3 OR 2 OR1", true),
            ("((2))AND(1)", false),
        ] {
            assert_eq!(evaluate(formula, &odd), Ok(expected), "{formula}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for formula in ["", "1 2", "1 OR", "(1", "1)", "1 XOR 2", "9", "AND"] {
            assert!(evaluate(formula, &odd).is_err(), "{formula}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_formula_panics(formula in "([0-9]{1,20}|[()]| |AND|or|é|-){0,12}") {
            let _ = evaluate(&formula, &odd);
        }
    }
}
