//! The fetchers of databases use what a crate of its own could use, and nothing else of the library uses them.

use std::collections::BTreeSet;

use crate::layers::{imports, sources};

/// All that adapters may import of the library. That this compiles shows that it is public.
mod public {
    #[expect(unused_imports, reason = "the test below reads the names, and the compiler checks them")]
    use dbcache::{
        Record, TableName,
        error::{BatchError, BoxError, RejectedRow},
        fetch::{
            AsyncFetcher, FetchRequest, Fetched, Fetcher, RequestedColumn, TableError, Target, exact_boolean,
            exact_float, exact_integer, shown_text, shown_value,
        },
        key::{Key, RowId},
    };
}

/// The names in `public`, behind that of the crate.
fn public() -> BTreeSet<Vec<String>> {
    let file = syn::parse_file(include_str!("adapters.rs").replace("use dbcache::{", "use crate::{").as_str());
    let mut names = imports(&vec!["public".to_owned()], &file.expect("a file"));
    names.retain(|name| name.first().is_some_and(|first| first != "layers"));
    assert!(names.contains(&["fetch", "Fetched"].map(str::to_owned).to_vec()), "{names:?}");
    names.into_iter().collect()
}

#[test]
fn adapters_import_nothing_but_the_public_interface() {
    let (public, mut seen) = (public(), 0);
    for (module, file) in sources() {
        if module.first().is_some_and(|top| top == "adapters") {
            let mut imported = imports(&module, &file);
            seen += imported.len();
            imported.retain(|name| name.first().is_some_and(|top| top != "adapters") && !public.contains(name));
            assert!(imported.is_empty(), "{} imports what is not public: {imported:?}", module.join("::"));
        }
    }
    assert!(seen > 100, "only {seen} imports of adapters were found");
}

#[test]
fn nothing_but_the_list_of_public_fetchers_imports_adapters() {
    for (module, file) in sources() {
        let may = module.first().is_some_and(|top| top == "adapters") || module == ["fetch"];
        let is_adapter = |name: &Vec<String>| name.first().is_some_and(|top| top == "adapters");
        assert!(may || !imports(&module, &file).iter().any(is_adapter), "{} imports adapters", module.join("::"));
    }
}
