//! Files → directives: enough of nginx's grammar to lint what we render.

/// `name args… ;` or `name args… { block }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub name: String,
    pub args: Vec<String>,
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    pub(super) fn children(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }

    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.children().iter().any(|child| child.name == name)
    }

    /// As in the file, without its block.
    pub(super) fn head(&self) -> String {
        let mut words = vec![self.name.as_str()];
        words.extend(self.args.iter().map(String::as_str));
        words.join(" ")
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// Directives as far as the text is well formed; `nginx -t` judges the rest.
pub(super) fn parse(text: &str) -> Vec<Directive> {
    parse_block(&mut tokens(text).into_iter())
}

fn parse_block(tokens: &mut impl Iterator<Item = Token>) -> Vec<Directive> {
    let mut directives = Vec::new();
    let mut words: Vec<String> = Vec::new();
    while let Some(token) = tokens.next() {
        let block = match token {
            Token::Word(word) => {
                words.push(word);
                continue;
            }
            Token::Close => break,
            Token::End => None,
            Token::Open => Some(parse_block(tokens)),
        };
        let mut taken = std::mem::take(&mut words).into_iter();
        directives.push(Directive {
            name: taken.next().unwrap_or_default(),
            args: taken.collect(),
            block,
        });
    }
    directives
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '{' => tokens.push(Token::Open),
            '}' => tokens.push(Token::Close),
            ';' => tokens.push(Token::End),
            '#' => while chars.next_if(|&next| next != '\n').is_some() {},
            '"' | '\'' => tokens.push(Token::Word(quoted(char, &mut chars))),
            space if space.is_whitespace() => {}
            first => {
                let mut word = first.to_string();
                while let Some(next) =
                    chars.next_if(|next| !next.is_whitespace() && !"{};".contains(*next))
                {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

fn quoted(quote: char, chars: &mut impl Iterator<Item = char>) -> String {
    let mut word = String::new();
    while let Some(char) = chars.next() {
        match char {
            // Only quotes and backslashes are escapes; `\.` in a pattern stays as it is.
            '\\' => match chars.next() {
                Some(next @ ('"' | '\'' | '\\')) => word.push(next),
                Some(next) => word.extend(['\\', next]),
                None => word.push('\\'),
            },
            end if end == quote => break,
            other => word.push(other),
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_comments_and_blocks_are_read_as_nginx_reads_them() {
        let parsed = parse("a \"b; {\\\"}\" 'c d'; # x;\nlocation ~ \"^/\\.\" { e f{0,2}; }");
        assert_eq!(parsed[0].head(), "a b; {\"} c d");
        assert_eq!(parsed[1].arg(1), r"^/\.");
        assert_eq!(parsed[1].children()[0].name, "e");
    }
}
