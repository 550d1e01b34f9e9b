//! Drawings of a few bytes that would take minutes or gigabytes, and ordinary ones.

use std::time::{Duration, Instant};

use super::render;

const SIZE: (u32, u32) = (400, 300);

fn file(inside: &str) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='400' height='300'>{inside}</svg>")
}

/// The whole canvas with a filter of one step.
fn filtered(step: &str) -> String {
    file(&format!(
        "<filter id='f' x='0' y='0' width='1' height='1'>{step}</filter>\
         <rect width='400' height='300' filter='url(#f)'/>"
    ))
}

/// Patterns drawn with patterns, each ten times.
fn nested_patterns(depth: usize) -> String {
    let pattern = |level: usize| {
        let rect = format!("<rect width='9' height='9' fill='url(#p{})'/>", level + 1);
        format!(
            "<pattern id='p{level}' patternUnits='userSpaceOnUse' width='10' height='10'>{}</pattern>",
            rect.repeat(10)
        )
    };
    let patterns: String = (0..depth).map(pattern).collect();
    let last = format!(
        "<pattern id='p{depth}' patternUnits='userSpaceOnUse' width='3' height='3'>\
         <rect width='1' height='1'/></pattern>"
    );
    file(&format!(
        "{patterns}{last}<rect width='400' height='300' fill='url(#p0)'/>"
    ))
}

/// The same, with the references in a style sheet.
fn by_style_sheet(file: &str) -> String {
    let rules: Vec<String> = (0..13)
        .map(|level| format!(".q{level}{{fill:url(#p{level})}}"))
        .collect();
    let rules = rules.concat();
    let file = file
        .replace("fill='url(#p", "class='q")
        .replace(")'/>", "'/>");
    file.replace(
        "height='300'>",
        &format!("height='300'><style>{rules}</style>"),
    )
}

#[test]
fn what_would_take_minutes_or_gigabytes_is_refused_at_once() {
    let wide_layer = "<g opacity='.5'>".repeat(8)
        + "<rect x='-800' y='-600' width='2000' height='1500'/><rect width='9' height='9'/>"
        + &"</g>".repeat(8);
    let files = [
        filtered("<feTurbulence baseFrequency='.05' numOctaves='4000000000'/>"),
        filtered("<feMorphology radius='2000'/>"),
        filtered(&format!(
            "<feConvolveMatrix order='150' kernelMatrix='{}'/>",
            "1 ".repeat(150 * 150)
        )),
        file(&"<rect width='1' height='1'/><g opacity='.5'><path d='M0 0H400V300H0z'/><path d='M0 0V9'/></g>".repeat(20_000)),
        file(
            "<pattern id='p' patternUnits='userSpaceOnUse' width='90000' height='90000'>\
             <rect width='9' height='9'/></pattern><rect width='400' height='300' fill='url(#p)'/>",
        ),
        file(&"<path d='M0 0H400' stroke='red' stroke-dasharray='.0005'/>".repeat(200)),
        file(&wide_layer),
        nested_patterns(12),
        by_style_sheet(&nested_patterns(12)),
    ];
    for (index, file) in files.iter().enumerate() {
        let started = Instant::now();
        let refused = render(file.as_bytes(), SIZE).map(drop);
        let refused = refused.map_or_else(|fault| fault.to_string(), |()| "drawn".to_owned());
        assert!(
            [
                "drawing it would take too long",
                "too many layers on top of each other",
                "too many patterns, masks or copies",
            ]
            .contains(&refused.as_str()),
            "{index}: {refused}"
        );
        let took = started.elapsed();
        assert!(took < Duration::from_secs(20), "{index}: {took:?}");
    }
}

#[test]
fn what_ordinary_drawings_have_is_drawn() {
    let gradient = "<radialGradient id='g'><stop stop-color='red'/><stop offset='1' stop-color='blue'/>\
                    </radialGradient>";
    let circles = "<circle cx='200' cy='150' r='140' fill='url(#g)' opacity='.9'/>".repeat(50);
    for file in [
        filtered("<feTurbulence baseFrequency='.05' numOctaves='4'/>"),
        filtered("<feMorphology radius='2'/>"),
        filtered("<feDropShadow dx='4' dy='4' stdDeviation='6'/>"),
        filtered("<feConvolveMatrix order='3' kernelMatrix='0 1 0 1 2 1 0 1 0'/>"),
        file(&format!("{gradient}{circles}")),
        file("<path d='M0 0L400 300' stroke='red' stroke-dasharray='3 2'/>"),
        nested_patterns(2),
    ] {
        let drawn = render(file.as_bytes(), SIZE).unwrap();
        assert!(drawn.pixels.bytes.iter().any(|&byte| byte != 0), "{file}");
    }
}

#[test]
fn deep_nesting_is_refused_or_drawn_but_ends_nothing() {
    let nested = |tag: &str, depth: usize| {
        let open = format!("<{tag} opacity='.9'>").repeat(depth);
        let close = format!("</{tag}>").repeat(depth);
        let square = "<rect width='9' height='9'/><rect x='20' width='9' height='9'/>";
        file(&format!("{open}{square}{close}"))
    };
    for depth in [500, 1_000, 1_100, 100_000] {
        assert!(render(nested("g", depth).as_bytes(), SIZE).is_err());
    }
    let plain = nested("g", 1_000).replace(" opacity='.9'", "");
    assert!(render(plain.as_bytes(), SIZE).is_ok());
}
