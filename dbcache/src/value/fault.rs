//! Why a cell does not give a value, and where in a nested document.

/// A cell that does not give a value. Boxed, since rows without a fault are what must be fast.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    /// The dotted path to the value, as far as it is known.
    path: String,
    /// `None` for a NULL where there must be a value.
    reason: Option<String>,
}

impl Fault {
    /// A NULL where there must be a value.
    #[cold]
    pub fn null() -> Self {
        Self(Box::new(Parts { path: String::new(), reason: None }))
    }

    /// A value that does not convert, and why.
    #[cold]
    pub fn value(reason: impl Into<String>) -> Self {
        Self(Box::new(Parts { path: String::new(), reason: Some(reason.into()) }))
    }

    /// The same fault, seen from one step higher.
    #[cold]
    #[must_use]
    pub fn below(mut self, step: String) -> Self {
        let rest = std::mem::replace(&mut self.0.path, step);
        if !rest.is_empty() {
            self.0.path.push('.');
            self.0.path.push_str(&rest);
        }
        self
    }

    /// The path, and the reason of a fault that is not a NULL.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.0.path, self.0.reason)
    }
}
