//! A small language of integer arithmetic with two readings: it can be evaluated, and printed as SMT-LIB for z3. So what is proved and
//! what is compared with the engine are one text.

use std::collections::HashMap;
use std::fmt::{self, Display, Write};
use std::ops::{Add, Mul, Sub};
use std::rc::Rc;

/// A number.
#[derive(Clone, Debug)]
pub enum Num {
    Const(i128),
    Name(Rc<str>),
    Sum(Rc<Num>, Rc<Num>),
    Difference(Rc<Num>, Rc<Num>),
    Product(Rc<Num>, Rc<Num>),
    Least(Rc<Num>, Rc<Num>),
    Greatest(Rc<Num>, Rc<Num>),
    If(Rc<Truth>, Rc<Num>, Rc<Num>),
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Truth {
    Name(Rc<str>),
    AtMost(Num, Num),
    Less(Num, Num),
    Equal(Num, Num),
    Not(Rc<Truth>),
    All(Vec<Truth>),
    Any(Vec<Truth>),
}

pub fn int(value: impl Into<i128>) -> Num {
    Num::Const(value.into())
}

macro_rules! operator {
    ($operation:ident, $method:ident, $variant:ident) => {
        impl $operation<&Num> for &Num {
            type Output = Num;
            fn $method(self, other: &Num) -> Num {
                Num::$variant(Rc::new(self.clone()), Rc::new(other.clone()))
            }
        }
        impl $operation<Num> for &Num {
            type Output = Num;
            fn $method(self, other: Num) -> Num {
                self.$method(&other)
            }
        }
        impl $operation<&Num> for Num {
            type Output = Num;
            fn $method(self, other: &Num) -> Num {
                (&self).$method(other)
            }
        }
        impl $operation<Num> for Num {
            type Output = Num;
            fn $method(self, other: Num) -> Num {
                (&self).$method(&other)
            }
        }
    };
}
operator!(Add, add, Sum);
operator!(Sub, sub, Difference);
operator!(Mul, mul, Product);

impl Num {
    pub fn least(&self, other: &Num) -> Num {
        Num::Least(Rc::new(self.clone()), Rc::new(other.clone()))
    }

    pub fn greatest(&self, other: &Num) -> Num {
        Num::Greatest(Rc::new(self.clone()), Rc::new(other.clone()))
    }

    pub fn at_most(&self, other: &Num) -> Truth {
        Truth::AtMost(self.clone(), other.clone())
    }

    pub fn less(&self, other: &Num) -> Truth {
        Truth::Less(self.clone(), other.clone())
    }

    pub fn equals(&self, other: &Num) -> Truth {
        Truth::Equal(self.clone(), other.clone())
    }

    /// Not below zero.
    pub fn natural(&self) -> Truth {
        int(0).at_most(self)
    }

    pub fn positive(&self) -> Truth {
        int(0).less(self)
    }
}

impl Truth {
    pub fn not(&self) -> Truth {
        Truth::Not(Rc::new(self.clone()))
    }

    pub fn choose(&self, then: &Num, otherwise: &Num) -> Num {
        Num::If(Rc::new(self.clone()), Rc::new(then.clone()), Rc::new(otherwise.clone()))
    }
}

pub fn all(of: impl Into<Vec<Truth>>) -> Truth {
    Truth::All(of.into())
}

pub fn any(of: impl Into<Vec<Truth>>) -> Truth {
    Truth::Any(of.into())
}

/// One line of a script.
#[derive(Clone, Debug)]
enum Line {
    Words(String),
    /// A number, or a condition, that can be anything.
    Input(Rc<str>),
    Flag(Rc<str>),
    Let(Rc<str>, Num),
    LetTruth(Rc<str>, Truth),
    /// `floor(dividend ÷ divisor)` of a positive divisor, or `ceil`.
    Quotient {
        name: Rc<str>,
        dividend: Num,
        divisor: Num,
        up: bool,
    },
    /// What is taken for granted.
    Given(Truth),
}

/// Named values, each built from those before it.
#[derive(Clone, Debug, Default)]
pub struct Script {
    lines: Vec<Line>,
}

/// The numbers a script is printed in. What holds for all reals holds for all integers: a quotient is then any real between its two
/// bounds, of which the integer is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Int,
    Real,
}

impl Script {
    pub fn words(&mut self, text: &str) {
        self.lines.push(Line::Words(text.to_owned()));
    }

    pub fn input(&mut self, name: &str) -> Num {
        self.lines.push(Line::Input(name.into()));
        Num::Name(name.into())
    }

    pub fn flag(&mut self, name: &str) -> Truth {
        self.lines.push(Line::Flag(name.into()));
        Truth::Name(name.into())
    }

    pub fn define(&mut self, name: &str, value: Num) -> Num {
        self.lines.push(Line::Let(name.into(), value));
        Num::Name(name.into())
    }

    pub fn define_truth(&mut self, name: &str, value: Truth) -> Truth {
        self.lines.push(Line::LetTruth(name.into(), value));
        Truth::Name(name.into())
    }

    pub fn quotient_down(&mut self, name: &str, dividend: Num, divisor: Num) -> Num {
        self.lines.push(Line::Quotient { name: name.into(), dividend, divisor, up: false });
        Num::Name(name.into())
    }

    pub fn quotient_up(&mut self, name: &str, dividend: Num, divisor: Num) -> Num {
        self.lines.push(Line::Quotient { name: name.into(), dividend, divisor, up: true });
        Num::Name(name.into())
    }

    pub fn given(&mut self, what: Truth) {
        self.lines.push(Line::Given(what));
    }

    /// Every named value, from the inputs. Panics where a number leaves 128 bits or a divisor is not positive: both are failures.
    pub fn evaluate(&self, numbers: &[(&str, i128)], flags: &[(&str, bool)]) -> Values {
        let mut values = Values { given: true, ..Values::default() };
        for line in &self.lines {
            match line {
                Line::Words(_) => {}
                Line::Given(what) => values.given &= values.truth(what),
                Line::Input(name) => {
                    let given = numbers.iter().find(|(known, _)| **known == **name);
                    values.numbers.insert(name.clone(), given.unwrap_or_else(|| panic!("no input {name}")).1);
                }
                Line::Flag(name) => {
                    let given = flags.iter().find(|(known, _)| **known == **name);
                    values.truths.insert(name.clone(), given.unwrap_or_else(|| panic!("no flag {name}")).1);
                }
                Line::Let(name, value) => {
                    let value = values.number(value);
                    values.numbers.insert(name.clone(), value);
                }
                Line::LetTruth(name, value) => {
                    let value = values.truth(value);
                    values.truths.insert(name.clone(), value);
                }
                Line::Quotient { name, dividend, divisor, up } => {
                    let (dividend, divisor) = (values.number(dividend), values.number(divisor));
                    assert!(divisor > 0, "{name}: divisor {divisor}");
                    let down = dividend.div_euclid(divisor);
                    let quotient = down + i128::from(*up && down * divisor != dividend);
                    values.numbers.insert(name.clone(), quotient);
                }
            }
        }
        values
    }

    /// The script as SMT-LIB, without header and question.
    pub fn print(&self, sort: Sort) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let as_text = |num: &Num| Shown(num, sort).to_string();
            let truth = |truth: &Truth| ShownTruth(truth, sort).to_string();
            match line {
                Line::Words(text) => writeln!(out, "\n; {text}"),
                Line::Input(name) => writeln!(out, "(declare-const {name} {sort:?})"),
                Line::Flag(name) => writeln!(out, "(declare-const {name} Bool)"),
                Line::Let(name, value) => writeln!(out, "(define-fun {name} () {sort:?} {})", as_text(value)),
                Line::LetTruth(name, value) => writeln!(out, "(define-fun {name} () Bool {})", truth(value)),
                Line::Quotient { name, dividend, divisor, up } => {
                    let quotient = Num::Name(name.clone());
                    let (low, high) = if *up {
                        ((&quotient - int(1)) * divisor, &quotient * divisor)
                    } else {
                        (&quotient * divisor, (&quotient + int(1)) * divisor)
                    };
                    let bounds = if *up {
                        [low.less(dividend), dividend.at_most(&high)]
                    } else {
                        [low.at_most(dividend), dividend.less(&high)]
                    };
                    let direction = if *up { "up" } else { "down" };
                    let comment =
                        format!("; {name} = {} / {}, rounded {direction}", as_text(dividend), as_text(divisor));
                    writeln!(out, "{comment}\n(declare-const {name} {sort:?})\n(assert {})", truth(&all(bounds)))
                }
                Line::Given(what) => writeln!(out, "(assert {})", truth(what)),
            }
            .expect("a string takes everything");
        }
        out
    }

    /// The inputs' names, to show a model by.
    pub fn inputs(&self) -> Vec<Rc<str>> {
        let name = |line: &Line| match line {
            Line::Input(name) | Line::Flag(name) => Some(name.clone()),
            _ => None,
        };
        self.lines.iter().filter_map(name).collect()
    }
}

/// What a script's names stand for.
#[derive(Debug, Default)]
pub struct Values {
    numbers: HashMap<Rc<str>, i128>,
    truths: HashMap<Rc<str>, bool>,
    /// Whether everything that the script takes for granted holds.
    pub given: bool,
}

impl Values {
    pub fn get(&self, name: &str) -> i128 {
        *self.numbers.get(name).unwrap_or_else(|| panic!("no number {name}"))
    }

    pub fn is(&self, name: &str) -> bool {
        *self.truths.get(name).unwrap_or_else(|| panic!("no condition {name}"))
    }

    fn number(&self, num: &Num) -> i128 {
        let of = |num: &Num| self.number(num);
        let exact = |value: Option<i128>| value.expect("within 128 bits");
        match num {
            Num::Const(value) => *value,
            Num::Name(name) => self.get(name),
            Num::Sum(a, b) => exact(of(a).checked_add(of(b))),
            Num::Difference(a, b) => exact(of(a).checked_sub(of(b))),
            Num::Product(a, b) => exact(of(a).checked_mul(of(b))),
            Num::Least(a, b) => of(a).min(of(b)),
            Num::Greatest(a, b) => of(a).max(of(b)),
            Num::If(when, then, otherwise) => of(if self.truth(when) { then } else { otherwise }),
        }
    }

    pub fn truth(&self, truth: &Truth) -> bool {
        match truth {
            Truth::Name(name) => self.is(name),
            Truth::AtMost(a, b) => self.number(a) <= self.number(b),
            Truth::Less(a, b) => self.number(a) < self.number(b),
            Truth::Equal(a, b) => self.number(a) == self.number(b),
            Truth::Not(of) => !self.truth(of),
            Truth::All(of) => of.iter().all(|truth| self.truth(truth)),
            Truth::Any(of) => of.iter().any(|truth| self.truth(truth)),
        }
    }
}

struct Shown<'a>(&'a Num, Sort);
struct ShownTruth<'a>(&'a Truth, Sort);

impl Display for Shown<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = self.1;
        let pair = |to: &mut fmt::Formatter<'_>, sign: &str, a: &Num, b: &Num| {
            write!(to, "({sign} {} {})", Shown(a, sort), Shown(b, sort))
        };
        match self.0 {
            Num::Const(value) => {
                // A whole number is a literal of either sort.
                if *value < 0 {
                    write!(to, "(- {})", value.unsigned_abs())
                } else {
                    write!(to, "{value}")
                }
            }
            Num::Name(name) => write!(to, "{name}"),
            Num::Sum(a, b) => pair(to, "+", a, b),
            Num::Difference(a, b) => pair(to, "-", a, b),
            Num::Product(a, b) => pair(to, "*", a, b),
            Num::Least(a, b) => pair(to, "least", a, b),
            Num::Greatest(a, b) => pair(to, "greatest", a, b),
            Num::If(when, then, otherwise) => {
                write!(to, "(ite {} {} {})", ShownTruth(when, sort), Shown(then, sort), Shown(otherwise, sort))
            }
        }
    }
}

impl Display for ShownTruth<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = self.1;
        let list = |to: &mut fmt::Formatter<'_>, sign: &str, of: &[Truth]| {
            write!(to, "({sign}")?;
            of.iter().try_for_each(|truth| write!(to, " {}", ShownTruth(truth, sort)))?;
            write!(to, ")")
        };
        match self.0 {
            Truth::Name(name) => write!(to, "{name}"),
            Truth::AtMost(a, b) => write!(to, "(<= {} {})", Shown(a, sort), Shown(b, sort)),
            Truth::Less(a, b) => write!(to, "(< {} {})", Shown(a, sort), Shown(b, sort)),
            Truth::Equal(a, b) => write!(to, "(= {} {})", Shown(a, sort), Shown(b, sort)),
            Truth::Not(of) => write!(to, "(not {})", ShownTruth(of, sort)),
            Truth::All(of) => list(to, "and", of),
            Truth::Any(of) => list(to, "or", of),
        }
    }
}
