//! Which program a log line belongs to.

use solana_pubkey::Pubkey;

/// What a line means.
pub enum Line<'a> {
    /// Data that the running program logged, in base64.
    Data(&'a str),
    /// A program failed; it is not running any more.
    Failed { program: Pubkey, reason: &'a str },
    /// The node left out the rest.
    Truncated,
    /// Nothing of interest.
    Other,
}

/// The programs that are running, outermost first. The runtime writes frames; what a program writes begins with `Program log:`,
/// `Program data:` or `Program return:`, so it cannot forge one.
#[derive(Default)]
pub struct Frames {
    stack: Vec<Pubkey>,
    calls: usize,
    is_broken: bool,
}

impl Frames {
    /// The program that is running.
    pub fn program(&self) -> Option<&Pubkey> {
        if self.is_broken {
            None
        } else {
            self.stack.last()
        }
    }

    /// How deep it was called; 1 is the top.
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// Number of the top-level call, from zero.
    pub fn call(&self) -> usize {
        self.calls.saturating_sub(1)
    }

    /// True if every frame that was opened was closed, and all of them fitted.
    pub fn is_closed(&self) -> bool {
        self.stack.is_empty() && !self.is_broken
    }

    /// Takes the next line.
    pub fn read<'a>(&mut self, line: &'a str) -> Line<'a> {
        if line == "Log truncated" {
            self.is_broken = true;
            return Line::Truncated;
        }
        let Some(rest) = line.strip_prefix("Program ") else {
            return Line::Other;
        };
        if let Some(data) = rest.strip_prefix("data: ") {
            return Line::Data(data);
        }
        let Some((word, rest)) = rest.split_once(' ') else {
            return Line::Other;
        };
        let Ok(program) = word.parse::<Pubkey>() else {
            return Line::Other;
        };
        if let Some(depth) = rest.strip_prefix("invoke [").and_then(|rest| rest.strip_suffix(']')) {
            self.stack.push(program);
            self.calls += usize::from(self.stack.len() == 1);
            self.is_broken |= depth.parse() != Ok(self.stack.len());
        } else if rest == "success" {
            self.is_broken |= self.stack.pop() != Some(program);
        } else if let Some(reason) = rest.strip_prefix("failed: ") {
            self.is_broken |= self.stack.pop() != Some(program);
            return Line::Failed { program, reason };
        }
        Line::Other
    }
}
