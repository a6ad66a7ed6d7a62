//! Addresses of nodes. They often end in a secret: only the host is shown, and what a library or a node says about an address is veiled.

/// The host and port of an address, without user, path and query.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    authority.rsplit('@').next().unwrap_or("")
}

/// Shorter parts of an address are words, not secrets: hiding them would only garble messages.
const SECRET_CHARACTERS_MIN: usize = 6;

/// Hides what may be secret in an address: its user, the parts of its path, and the values of its query.
#[derive(Clone, Default)]
pub struct Veil {
    secrets: Vec<String>,
}

impl Veil {
    /// Of these addresses.
    pub fn of<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets: Vec<String> = urls.into_iter().flat_map(parts).map(str::to_owned).collect();
        // The longer first: a secret that holds another one is hidden as a whole.
        secrets.sort_by_key(|secret| core::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The text without the secrets.
    pub fn over(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

fn parts(url: &str) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    // A password is one however short.
    let (short, long) = (user.split(':'), path.split(['/', '?', '&', '=', '#']));
    short.filter(|part| !part.is_empty()).chain(long.filter(|part| part.len() >= SECRET_CHARACTERS_MIN)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_shown() {
        assert_eq!(host("https://user:word@node.example:443/v2/s3cret?api-key=s3cret#x"), "node.example:443");
        assert_eq!(host("http://127.0.0.1:8899"), "127.0.0.1:8899");
        assert_eq!(host("localhost?key=s3cret"), "localhost");
    }

    #[test]
    fn what_a_library_says_of_an_address_is_veiled() {
        let veil = Veil::of(["https://me:pw1@node.example/v2/path-s3cret?api-key=query-s3cret", "ws://node.example/"]);
        let shown = veil.over("cannot POST https://me:pw1@node.example/v2/path-s3cret?api-key=query-s3cret: 404");
        assert_eq!(shown, "cannot POST https://***:***@node.example/v2/***?***=***: 404");
        assert_eq!(veil.over("the key query-s3cret is over its limit"), "the key *** is over its limit");
    }
}
