//! How large an SVG becomes once its patterns, masks, cuts and copies stand where they are named.
//!
//! The parser and the renderer go through them anew at each place that names them: twelve patterns, each drawn with ten of
//! the next, are a file of 9 KB and a life's work.

use std::collections::HashMap;

use resvg::usvg::roxmltree::{Document, Node, NodeId};

use crate::imaging::error::CodecFault;

/// As many as the parser allows for copies by `use`.
const ELEMENTS_MAX: u64 = 1_000_000;

/// How many may stand within each other; drawing programs write two or three.
const DEPTH_MAX: usize = 32;

/// Elements looked at, times the letters that each is compared with: a second or two.
const STEPS_MAX: u64 = 1_000_000_000;

pub(super) fn check(document: &Document<'_>) -> Result<(), CodecFault> {
    let named = document.descendants().filter_map(|element| {
        let name = element.attribute("id")?;
        Some((name, element))
    });
    let rules = rules(document);
    let selectors = rules.iter().map(|rule| rule.selector.len() as u64);
    let mut expansion = Expansion {
        named: named.collect(),
        selector_letters: selectors.sum(),
        rules,
        sizes: HashMap::new(),
        steps_left: STEPS_MAX,
    };
    expansion.size(document.root(), 0)?;
    Ok(())
}

/// A rule of a style sheet that names elements.
struct Rule<'a> {
    selector: &'a str,
    targets: Vec<&'a str>,
}

impl Rule<'_> {
    /// At least where the rule applies: what its selector excludes is not looked at.
    fn may_apply(&self, element: Node<'_, '_>) -> bool {
        let is_named = |word: &str| {
            let classes = element.attribute("class").unwrap_or_default();
            element.tag_name().name() == word
                || element.attribute("id") == Some(word)
                || classes.split_ascii_whitespace().any(|class| class == word)
        };
        let is_end = |letter: char| !(letter.is_alphanumeric() || "-_".contains(letter));
        self.selector.contains(['*', '[', ':', '\\']) || self.selector.split(is_end).any(is_named)
    }
}

fn rules<'a>(document: &'a Document<'_>) -> Vec<Rule<'a>> {
    let sheets = document
        .descendants()
        .filter(|element| element.has_tag_name(("http://www.w3.org/2000/svg", "style")))
        .flat_map(|sheet| sheet.children().filter_map(|child| child.text()));
    let rules = sheets.flat_map(|text| text.split('}'));
    let rules = rules.filter_map(|rule| {
        let (selector, declarations) = rule.rsplit_once('{')?;
        let targets: Vec<&str> = urls(declarations).collect();
        (!targets.is_empty()).then_some(Rule { selector, targets })
    });
    rules.collect()
}

/// The names in `url(#name)`, with or without quotes.
fn urls(text: &str) -> impl Iterator<Item = &str> {
    text.split("url(").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?;
        target.trim_matches(['\'', '"', ' ']).strip_prefix('#')
    })
}

struct Expansion<'a> {
    named: HashMap<&'a str, Node<'a, 'a>>,
    rules: Vec<Rule<'a>>,
    selector_letters: u64,
    /// Of elements that are named somewhere; 0 while it is being found out: circles are cut by the parser.
    sizes: HashMap<NodeId, u64>,
    steps_left: u64,
}

impl<'a> Expansion<'a> {
    /// Elements within one, itself included.
    fn size(&mut self, within: Node<'a, 'a>, depth: usize) -> Result<u64, CodecFault> {
        if depth > DEPTH_MAX {
            return Err("too many patterns, masks or copies within each other".into());
        }
        let mut size: u64 = 0;
        for element in within.descendants() {
            let steps_left = self.steps_left.checked_sub(self.steps(element));
            self.steps_left = steps_left.ok_or("too many references")?;
            size += 1;
            for target in self.targets(element) {
                size += self.size_of(target, depth)?;
            }
            if size > ELEMENTS_MAX {
                return Err("too many patterns, masks or copies".into());
            }
        }
        Ok(size)
    }

    fn size_of(&mut self, target: Node<'a, 'a>, depth: usize) -> Result<u64, CodecFault> {
        if let Some(&size) = self.sizes.get(&target.id()) {
            return Ok(size);
        }
        self.sizes.insert(target.id(), 0);
        let size = self.size(target, depth + 1)?;
        self.sizes.insert(target.id(), size);
        Ok(size)
    }

    fn steps(&self, element: Node<'a, 'a>) -> u64 {
        let classes = element.attribute("class").map_or(0, str::len);
        8 + self.selector_letters * (1 + classes as u64)
    }

    /// What an element names.
    fn targets(&self, element: Node<'a, 'a>) -> Vec<Node<'a, 'a>> {
        let mut names = Vec::new();
        for attribute in element.attributes() {
            if attribute.name() == "href" {
                names.extend(attribute.value().trim().strip_prefix('#'));
            }
            names.extend(urls(attribute.value()));
        }
        for rule in &self.rules {
            if rule.may_apply(element) {
                names.extend(&rule.targets);
            }
        }
        let found = names.into_iter().filter_map(|name| self.named.get(name));
        found.copied().collect()
    }
}
