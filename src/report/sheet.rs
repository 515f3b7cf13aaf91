//! What a report is written on: headings, paragraphs, lists and tables, whatever they look like.

/// A document that grows from top to bottom. Texts are plain: no mark-up in them means anything.
pub(super) trait Sheet {
    /// The title, once and first.
    fn title(&mut self, text: &str);
    /// A heading.
    fn heading(&mut self, text: &str);
    /// A paragraph.
    fn paragraph(&mut self, text: &str);
    /// A point of a list.
    fn point(&mut self, text: &str);
    /// A line that belongs to the paragraph before it.
    fn inset(&mut self, text: &str);
    /// A row of a table: what it is about, the columns that the widest such label has, and what there is to say.
    fn row(&mut self, label: &str, width: usize, text: &str);
    /// The end of a group: what follows belongs to something else.
    fn blank(&mut self);
}
