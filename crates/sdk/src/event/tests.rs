use anchor_lang::Event as _;

use super::*;

const IDL: &str = include_str!("../../../../idls/taper.json");

fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn closed() -> MarginAccountClosed {
    MarginAccountClosed { margin_account: key(7) }
}

fn data(event: &impl anchor_lang::Event) -> String {
    format!("Program data: {}", BASE64_STANDARD.encode(event.data()))
}

fn invoke(program: &Pubkey, depth: usize) -> String {
    format!("Program {program} invoke [{depth}]")
}

fn success(program: &Pubkey) -> String {
    format!("Program {program} success")
}

#[test]
fn every_event_of_the_idl_is_known_by_its_discriminator() {
    let idl: serde_json::Value = serde_json::from_str(IDL).unwrap();
    let listed: Vec<(String, Vec<u8>)> = idl["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let bytes = event["discriminator"].as_array().unwrap();
            let bytes = bytes.iter().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect();
            (event["name"].as_str().unwrap().to_owned(), bytes)
        })
        .collect();
    let known: Vec<(String, Vec<u8>)> =
        KNOWN.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    assert_eq!(known, listed);
}

#[test]
fn an_event_reads_back_with_its_place() {
    let (ours, budget) = (crate::PROGRAM_ID, key(3));
    let logs = [invoke(&budget, 1), success(&budget), invoke(&ours, 1), data(&closed()), success(&ours)];
    let found = from_logs(&logs);
    let event = Event::MarginAccountClosed(Box::new(closed()));
    assert_eq!(event.name(), "MarginAccountClosed");
    assert_eq!(found, Events { events: vec![Emitted { event, call: 1, depth: 1 }], ..Events::default() });
}

#[test]
fn a_strangers_event_does_not_count_wherever_it_stands() {
    let (ours, other) = (crate::PROGRAM_ID, key(3));
    // Alone; around our frame; inside it, called by us.
    let alone = [invoke(&other, 1), data(&closed()), success(&other)];
    let around = [invoke(&other, 1), invoke(&ours, 2), success(&ours), data(&closed()), success(&other)];
    let inside = [invoke(&ours, 1), invoke(&other, 2), data(&closed()), success(&other), success(&ours)];
    for logs in [&alone[..], &around[..], &inside[..]] {
        assert_eq!(from_logs(logs), Events::default(), "{logs:?}");
    }
}

#[test]
fn our_event_counts_when_another_program_called_us_and_after_our_own_calls() {
    let (ours, router, token) = (crate::PROGRAM_ID, key(3), key(4));
    let logs = [
        invoke(&router, 1),
        invoke(&ours, 2),
        invoke(&token, 3),
        success(&token),
        data(&closed()),
        success(&ours),
        success(&router),
    ];
    let found = from_logs(&logs);
    assert_eq!(found.events.len(), 1);
    assert_eq!((found.events[0].call, found.events[0].depth), (0, 2));
    assert!(!found.truncated && !found.failed);
}

#[test]
fn a_program_cannot_forge_a_frame_by_logging_its_text() {
    let (ours, other) = (crate::PROGRAM_ID, key(3));
    let forged = format!("Program log: Program {ours} invoke [2]");
    let embedded = format!("Program log: x\nProgram {ours} invoke [2]");
    let logs = [invoke(&other, 1), forged, embedded, data(&closed()), success(&other)];
    assert_eq!(from_logs(&logs), Events::default());
}

#[test]
fn truncated_logs_are_noticed_and_what_came_before_is_kept() {
    let ours = crate::PROGRAM_ID;
    let told = [invoke(&ours, 1), data(&closed()), "Log truncated".into(), success(&ours)];
    let silent = [invoke(&ours, 1), data(&closed())];
    let misfit = [invoke(&ours, 1), data(&closed()), success(&key(9))];
    for logs in [&told[..], &silent[..], &misfit[..]] {
        let found = from_logs(logs);
        assert!(found.truncated && found.events.len() == 1, "{found:?}");
    }
    // After a gap nobody knows whose frame a line is in.
    let after = [invoke(&ours, 1), "Log truncated".into(), data(&closed()), success(&ours)];
    assert!(from_logs(&after).events.is_empty());
    // A frame deeper than those that were seen: the line of its caller is missing.
    let headless = [invoke(&ours, 2), data(&closed()), success(&ours)];
    let found = from_logs(&headless);
    assert!(found.truncated && found.events.is_empty(), "{found:?}");
}

#[test]
fn nothing_of_a_failed_transaction_happened() {
    let (ours, other) = (crate::PROGRAM_ID, key(3));
    let failed = format!("Program {other} failed: custom program error: 0x1");
    let logs = [invoke(&ours, 1), data(&closed()), success(&ours), invoke(&other, 1), failed];
    let found = from_logs(&logs);
    assert!(found.failed && found.events.is_empty() && !found.truncated, "{found:?}");
    let (program, reason) = first_failure(&logs).unwrap();
    assert_eq!((program, reason.as_str()), (other, "custom program error: 0x1"));
}

#[test]
fn other_bytes_under_a_known_or_unknown_name_are_counted_not_guessed() {
    let ours = crate::PROGRAM_ID;
    let mut longer = closed().data();
    longer.push(0);
    assert_eq!(Event::decode(&longer), Err(EventError::Malformed { event: "MarginAccountClosed" }));
    assert_eq!(Event::decode(&[9; 12]), Ok(None));
    let lines = [BASE64_STANDARD.encode(longer), BASE64_STANDARD.encode([9; 12]), "%%".to_owned()];
    let mut logs = vec![invoke(&ours, 1)];
    logs.extend(lines.map(|line| format!("Program data: {line}")));
    logs.push(success(&ours));
    let found = from_logs(&logs);
    assert_eq!((found.unreadable, found.events.len(), found.truncated), (3, 0, false));
}
