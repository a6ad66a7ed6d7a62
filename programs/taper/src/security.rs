//! Whom to tell of a vulnerability, in the program's own bytes: explorers and researchers read it there (`query-security-txt`).
//! Contacts, policy and revision are the deployment's: `build.rs` takes them from the environment of the build. A library that depends
//! on this one has a text of its own, so this is left out of it.

solana_security_txt::security_txt! {
    name: "Taper",
    project_url: env!("TAPER_PROJECT_URL"),
    contacts: env!("TAPER_SECURITY_CONTACTS"),
    policy: env!("TAPER_SECURITY_POLICY"),
    source_revision: env!("TAPER_SOURCE_REVISION"),
    source_release: env!("CARGO_PKG_VERSION"),
    auditors: "none"
}

#[cfg(test)]
mod tests {
    use solana_security_txt::find_and_parse;

    #[test]
    fn explorers_can_read_it() {
        let mut program = vec![0x7f; 300];
        program.extend_from_slice(super::SECURITY_TXT.as_bytes());
        program.extend_from_slice(&[0; 100]);
        let text = find_and_parse(&program).expect("it has all that is required");
        assert_eq!(text.name, "Taper");
        assert_eq!(text.source_release.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(text.contacts.len(), 1, "a contact says of which kind it is");
    }
}
