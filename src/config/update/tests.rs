use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const MINIMAL: &str = "[resilient]\nhost = soar\norg = o\napi_key_id = k\napi_key_secret = s\n\n[fn_aws_guardduty]\naws_gd_master_region = us-east-1\naws_gd_regions = us\n";

/// What a text sets, by section and key.
fn settings(text: &str) -> BTreeSet<(String, String, String)> {
    let sections = ini::parse(text).unwrap();
    let entries = sections.into_iter().flat_map(|section| {
        let name = section.name;
        section
            .entries
            .into_iter()
            .map(move |entry| (name.clone(), entry.key, entry.value))
    });
    entries.collect()
}

/// Whether `text` is `whole` with some lines taken away.
fn is_subsequence(text: &str, whole: &str) -> bool {
    let mut lines = whole.lines();
    text.lines().all(|line| lines.any(|other| other == line))
}

#[test]
fn every_key_that_is_missing_is_added_as_a_comment_below_its_explanation() {
    let completed = complete(MINIMAL).unwrap();
    for ours in &SECTIONS {
        for key in ours.read {
            let line = format!("#{key} = ");
            assert!(
                completed.text.contains(&line) || MINIMAL.contains(&format!("{key} = ")),
                "{key}"
            );
        }
    }
    let explained = "# Messages worked on at once, 1 to 2000.\n#num_workers = 25\n";
    assert!(completed.text.contains(explained), "{}", completed.text);
    assert!(
        completed
            .added
            .contains(&"[resilient] num_workers".to_owned())
    );
    assert!(completed.added.contains(&"[integrations]".to_owned()));
    assert!(!completed.added.contains(&"[resilient] host".to_owned()));
    assert_eq!(settings(&completed.text), settings(MINIMAL));
    assert!(is_subsequence(MINIMAL, &completed.text));
}

#[test]
fn keys_go_to_the_end_of_their_own_section() {
    let completed = complete(MINIMAL).unwrap().text;
    let app = completed.find("[fn_aws_guardduty]").unwrap();
    let added = completed.find("#stomp_host = ").unwrap();
    assert!(added < app && completed.find("api_key_secret = s").unwrap() < added);
    assert!(completed.find("#aws_gd_overlap_interval = 15").unwrap() > app);
    assert!(completed.find("\n[integrations]\n").unwrap() > app);
}

#[test]
fn a_complete_text_stays_as_it_is() {
    assert_eq!(complete(EXAMPLE).unwrap().added, [""; 0]);
    let once = complete(MINIMAL).unwrap().text;
    let twice = complete(&once).unwrap();
    assert_eq!((twice.text, twice.added.len()), (once, 0));
}

#[test]
fn sections_that_are_missing_come_as_the_example_has_them() {
    let completed = complete("[fn_other]\nkey = value\n").unwrap();
    assert_eq!(
        completed.added,
        ["[resilient]", "[fn_aws_guardduty]", "[integrations]"]
    );
    assert!(
        completed
            .text
            .starts_with("[fn_other]\nkey = value\n\n\n[resilient]\n")
    );
    let of = |text: &str| {
        let mut all = settings(text);
        all.retain(|(section, ..)| section != "fn_other");
        all
    };
    assert_eq!(of(&completed.text), of(EXAMPLE));
    assert_eq!(settings(&complete("").unwrap().text), settings(EXAMPLE));
}

#[test]
fn a_key_in_a_comment_or_in_other_letters_is_there() {
    let text = MINIMAL.replace(
        "org = o",
        "Num_Workers: 7\n;LogLevel=DEBUG\n # stomp_port = 1\norg = o",
    );
    let added = complete(&text).unwrap().added;
    for key in ["num_workers", "loglevel", "stomp_port"] {
        assert!(!added.contains(&format!("[resilient] {key}")), "{key}");
    }
    assert!(added.contains(&"[resilient] port".to_owned()));
}

#[test]
fn comments_before_the_next_section_stay_with_it() {
    let text = MINIMAL.replace("\n[fn_aws", "\n# What the next section is about.\n[fn_aws");
    let completed = complete(&text).unwrap().text;
    assert!(completed.contains("\n# What the next section is about.\n[fn_aws_guardduty]\n"));
}

#[test]
fn windows_line_breaks_a_mark_and_a_missing_last_break_are_kept() {
    let text = format!("\u{feff}{}", MINIMAL.trim_end().replace('\n', "\r\n"));
    let completed = complete(&text).unwrap().text;
    assert!(completed.starts_with("\u{feff}[resilient]\r\n"));
    assert!(completed.contains("aws_gd_regions = us\r\n"));
    assert_eq!(
        completed.matches('\n').count(),
        completed.matches("\r\n").count()
    );
    assert_eq!(settings(&completed), settings(MINIMAL));
}

#[test]
fn a_value_of_several_lines_is_not_torn_apart() {
    let text = MINIMAL.replace("org = o\n", "").replace(
        "api_key_secret = s\n",
        "api_key_secret = s\norg = one\n  two\n\n  # about three\n  three\n",
    );
    let completed = complete(&text).unwrap().text;
    assert_eq!(settings(&completed), settings(&text));
    assert!(
        completed.contains("org = one\n  two\n\n  # about three\n  three\n\n#port = 443\n")
            || completed.contains("  three\n\n"),
        "{completed}"
    );
}

#[test]
fn what_is_no_configuration_is_refused_with_every_line() {
    let errors = complete("[resilient]\nlonely\nhost = a\nhost = b\n").unwrap_err();
    assert_eq!(errors.problems().len(), 2, "{errors}");
}

proptest! {
    #[test]
    fn what_is_set_and_every_line_of_it_stays(lines in prop::collection::vec(
        prop::sample::select(vec![
            "[resilient]", "[fn_aws_guardduty]", "[integrations]", "[DEFAULT]", "[fn_other]", "host = a", "port: 1",
            "  more", "", "# a comment", "#port = 2", "verify = true", "\tdeep = 1", "timeout = 3",
        ]), 0..25), line_break in prop::sample::select(vec!["\n", "\r\n", "\r"]), last in any::<bool>()) {
        let mut text = lines.join(line_break);
        if last {
            text.push_str(line_break);
        }
        if let Ok(completed) = complete(&text) {
            let ours: BTreeSet<_> = settings(&text);
            prop_assert!(ours.is_subset(&settings(&completed.text)));
            prop_assert!(is_part(&text, &completed.text));
            let again = complete(&completed.text).unwrap();
            prop_assert_eq!(again.added.len(), 0);
            prop_assert_eq!(again.text, completed.text);
        }
    }
}

/// Whether every byte of `text` is in `whole`, in this order.
fn is_part(text: &str, whole: &str) -> bool {
    let mut bytes = whole.bytes();
    text.bytes().all(|byte| bytes.any(|other| other == byte))
}
