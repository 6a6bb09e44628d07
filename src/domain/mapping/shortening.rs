//! A JSON value made short enough for a note: its largest parts first, each with a mark of what is gone. It stays JSON.

use serde_json::{Map, Value};

use super::limits;

/// The least that any part is cut down to: room for its mark.
const LEAST: usize = 64;
/// What every mark begins with.
const MARK: &str = "… [shortened";

/// The value, or what of it can be written in `budget` UTF-16 units as JSON on one line. A budget below [`LEAST`] is
/// exceeded.
pub(super) fn shortened(value: &Value, budget: usize) -> Value {
    if size_up_to(value, budget) <= budget {
        return value.clone();
    }
    match value {
        Value::String(text) => Value::String(shortened_text(text, budget)),
        Value::Array(items) => shortened_list(items, budget),
        Value::Object(members) => shortened_object(members, budget),
        scalar => scalar.clone(),
    }
}

fn shortened_text(text: &str, budget: usize) -> String {
    // The mark counts with the largest number that it may hold.
    let mark = |gone: usize| format!("{MARK}: {gone} more characters]");
    let room = budget.saturating_sub(2 + limits::length(&mark(text.len())));
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|character| {
            used += character_size(*character);
            used <= room
        })
        .collect();
    let gone = text.chars().count() - kept.chars().count();
    kept + &mark(gone)
}

fn shortened_list(items: &[Value], budget: usize) -> Value {
    let mark = |gone: usize| format!("{MARK}: {gone} more items]");
    let parts = items.iter().map(|item| (1, item)).collect();
    let reserve = 2 + limits::length(&mark(items.len())) + 2;
    let kept = fit(parts, budget.saturating_sub(reserve));
    let gone = kept.iter().filter(|part| part.is_none()).count();
    let mut list: Vec<Value> = kept.into_iter().flatten().collect();
    if gone > 0 {
        list.push(mark(gone).into());
    }
    list.into()
}

fn shortened_object(members: &Map<String, Value>, budget: usize) -> Value {
    let name = format!("{MARK}]");
    let mark = |gone: usize| format!("{gone} more members");
    let parts = members.iter();
    let parts = parts.map(|(name, value)| (text_size_up_to(name, budget) + 2, value));
    let reserve = 2 + limits::length(&name) + limits::length(&mark(members.len())) + 5;
    let kept = fit(parts.collect(), budget.saturating_sub(reserve));
    let gone = kept.iter().filter(|part| part.is_none()).count();
    let names = members.keys().cloned();
    let mut object: Map<String, Value> = names
        .zip(kept)
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    if gone > 0 {
        object.insert(name, mark(gone).into());
    }
    Value::Object(object)
}

/// What each part becomes so that together they keep to the budget; nothing where there is no room even for its mark. A
/// part comes with what its name and separators take.
fn fit(parts: Vec<(usize, &Value)>, budget: usize) -> Vec<Option<Value>> {
    let mut room = budget;
    let sizes: Vec<Option<usize>> = parts
        .iter()
        .map(|(around, value)| {
            let size = size_up_to(value, budget);
            room = room.checked_sub(around + size.min(LEAST))?;
            Some(size)
        })
        .collect();
    let share = share(sizes.iter().flatten().copied().collect(), room);
    let kept = parts.into_iter().zip(sizes);
    kept.map(|((_, value), size)| size.map(|size| shortened(value, size.min(share))))
        .collect()
}

/// The most that one part may take, when those that take less leave the rest to the larger ones. [`LEAST`] of each part is
/// spent already, `room` is what remains.
fn share(mut sizes: Vec<usize>, mut room: usize) -> usize {
    sizes.retain(|size| *size > LEAST);
    sizes.sort_unstable();
    let mut waiting = sizes.len();
    for size in sizes {
        let extra = room / waiting;
        if size - LEAST > extra {
            return LEAST + extra;
        }
        room -= size - LEAST;
        waiting -= 1;
    }
    usize::MAX
}

/// How many UTF-16 units a value takes as JSON on one line. It is counted no further than just beyond `limit`.
fn size_up_to(value: &Value, limit: usize) -> usize {
    let mut size = 0;
    let mut add = |part: usize| {
        size += part;
        size <= limit
    };
    match value {
        Value::Null => 4,
        Value::Bool(truth) => 5 - usize::from(*truth),
        Value::Number(number) => number.to_string().len(),
        Value::String(text) => text_size_up_to(text, limit),
        Value::Array(items) => {
            add(2 + items.len().saturating_sub(1));
            let _ = items.iter().all(|item| add(size_up_to(item, limit)));
            size
        }
        Value::Object(members) => {
            add(2 + members.len().saturating_sub(1));
            let _ = members.iter().all(|(name, value)| {
                add(text_size_up_to(name, limit) + 1) && add(size_up_to(value, limit))
            });
            size
        }
    }
}

fn text_size_up_to(text: &str, limit: usize) -> usize {
    let mut size = 2;
    for character in text.chars() {
        if size > limit {
            break;
        }
        size += character_size(character);
    }
    size
}

/// UTF-16 units of a character inside a JSON text.
fn character_size(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf16(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> usize {
        limits::length(&value.to_string())
    }

    #[test]
    fn the_largest_part_is_shortened_and_the_others_stay() {
        let value = json!({"a": "short", "long": "x".repeat(500), "n": 7, "z": [1, 2, 3]});
        let short = shortened(&value, 200);
        assert_eq!(
            (&short["a"], &short["n"], &short["z"]),
            (&value["a"], &value["n"], &value["z"])
        );
        let long = short["long"].as_str().unwrap();
        assert!(long.starts_with("xxxx"), "{long}");
        let kept = long.chars().take_while(|c| *c == 'x').count();
        assert!(
            long.ends_with(&format!("… [shortened: {} more characters]", 500 - kept)),
            "{long}"
        );
        assert!((150..=200).contains(&written(&short)), "{short}");
    }

    #[test]
    fn at_the_limit_it_stays_and_one_beyond_it_is_shortened() {
        let value = json!({"a": "x".repeat(300)});
        let size = written(&value);
        assert_eq!(shortened(&value, size), value);
        let short = shortened(&value, size - 1);
        assert_ne!(short, value);
        assert!(written(&short) < size);
    }

    #[test]
    fn a_long_list_tells_how_many_items_are_gone() {
        let value = json!({"list": (0..1000).collect::<Vec<_>>(), "b": true});
        let short = shortened(&value, 300);
        let list = short["list"].as_array().unwrap();
        let mark = list.last().unwrap().as_str().unwrap();
        assert_eq!(
            mark,
            format!("… [shortened: {} more items]", 1000 - (list.len() - 1))
        );
        assert_eq!((&list[0], &short["b"]), (&json!(0), &json!(true)));
    }

    #[test]
    fn a_member_with_an_endless_name_is_left_out_and_counted() {
        let value = json!({"x".repeat(1000): 1, "a": 2});
        assert_eq!(
            shortened(&value, 100),
            json!({"a": 2, "… [shortened]": "1 more members"})
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "\\PC{0,200}".prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 64, 12, |inner| {
            let members = vec(("\\PC{0,90}", inner.clone()), 0..12);
            prop_oneof![
                vec(inner, 0..12).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_size_is_that_of_the_json_written(value in any_json()) {
            prop_assert_eq!(size_up_to(&value, usize::MAX), written(&value));
        }

        #[test]
        fn what_is_shortened_keeps_to_its_budget_and_its_kind(value in any_json(), budget in LEAST..600) {
            let short = shortened(&value, budget);
            prop_assert!(written(&short) <= budget, "{} > {budget}: {short}", written(&short));
            prop_assert_eq!(std::mem::discriminant(&short), std::mem::discriminant(&value));
            if written(&value) <= budget {
                prop_assert_eq!(short, value);
            } else {
                prop_assert!(short.to_string().contains(MARK));
            }
        }
    }
}
