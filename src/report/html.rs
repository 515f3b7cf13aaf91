//! The result as HTML: for mail programs and pages. It loads nothing from elsewhere and holds no script.

use super::Report;
use super::sheet::Sheet;
use super::text::write;

const STYLE: &str = "body{font-family:sans-serif;max-width:50em}th{text-align:left;vertical-align:top;\
    font-weight:normal;padding-right:1em}td{font-weight:bold}";

/// The result as a page, in the language of the test. Mail addresses of people are shortened in it.
#[must_use]
pub fn html(report: &Report) -> String {
    let mut page = Page::default();
    write(report, &mut page);
    page.finish(report.test.language.tag())
}

/// What is open at the end of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Paragraph,
    List,
    Table,
}

#[derive(Default)]
struct Page {
    title: String,
    body: String,
    open: Open,
}

impl Page {
    fn close(&mut self) {
        self.enter(Open::Nothing);
    }

    /// Ends what is open and begins something, unless that is open already.
    fn enter(&mut self, next: Open) {
        if self.open == next {
            return;
        }
        self.body.push_str(match self.open {
            Open::Nothing => "",
            Open::Paragraph => "</p>\n",
            Open::List => "</ul>\n",
            Open::Table => "</table>\n",
        });
        self.body.push_str(match next {
            Open::Nothing => "",
            Open::Paragraph => "<p>",
            Open::List => "<ul>\n",
            Open::Table => "<table>\n",
        });
        self.open = next;
    }

    fn element(&mut self, name: &str, text: &str) {
        let text = escaped(text);
        self.body.push_str(&format!("<{name}>{text}</{name}>"));
    }

    fn finish(mut self, language: &str) -> String {
        self.close();
        let Self { title, body, .. } = self;
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
        )
    }
}

impl Sheet for Page {
    fn title(&mut self, text: &str) {
        self.title = escaped(text);
        self.close();
        self.element("h1", text);
        self.body.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.close();
        self.element("h2", text);
        self.body.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        self.close();
        self.enter(Open::Paragraph);
        self.body.push_str(&escaped(text));
    }

    fn point(&mut self, text: &str) {
        self.enter(Open::List);
        self.element("li", text);
        self.body.push('\n');
    }

    fn inset(&mut self, text: &str) {
        self.enter(Open::Paragraph);
        self.body.push_str("<br>\n&nbsp;&nbsp;");
        self.body.push_str(&escaped(text));
    }

    fn row(&mut self, label: &str, _: usize, text: &str) {
        self.enter(Open::Table);
        self.body.push_str("<tr>");
        self.element("th", label);
        self.element("td", text);
        self.body.push_str("</tr>\n");
    }

    fn blank(&mut self) {
        self.close();
    }
}

/// Text in which nothing is mark-up.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_well_formed_whatever_is_said() {
        let mut page = Page::default();
        page.title("<T> & \"t\"");
        page.heading("H");
        page.paragraph("one");
        page.inset("two <script>");
        page.paragraph("three");
        page.point("a");
        page.point("b");
        page.row("l", 9, "v");
        page.blank();
        page.row("m", 9, "w");
        let page = page.finish("en");
        let body = page.split("<body>\n").nth(1).unwrap();
        assert_eq!(
            body,
            "<h1>&lt;T&gt; &amp; &quot;t&quot;</h1>\n<h2>H</h2>\n\
             <p>one<br>\n&nbsp;&nbsp;two &lt;script&gt;</p>\n<p>three</p>\n\
             <ul>\n<li>a</li>\n<li>b</li>\n</ul>\n\
             <table>\n<tr><th>l</th><td>v</td></tr>\n</table>\n\
             <table>\n<tr><th>m</th><td>w</td></tr>\n</table>\n</body>\n</html>\n"
        );
    }
}
