//! The layers that `ARCHITECTURE.md` states, held against the imports of the library's sources.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A module by the names on its path, from the crate's root on.
pub(crate) type Module = Vec<String>;

#[test]
fn modules_import_only_from_layers_below_them_or_from_their_own() {
    check(&Layers::of_table("| module |"), |module| module.first());
}

#[test]
fn rooms_of_storage_import_only_from_rooms_below_them() {
    check(&Layers::of_table("| room |"), |module| {
        module.get(1).filter(|_| module.first().is_some_and(|top| top == "storage"))
    });
}

#[test]
fn every_module_and_every_file_of_storage_is_on_the_map() {
    let map = architecture();
    let modules = Layers::of_table("| module |");
    let unknown: Vec<String> =
        sources().into_iter().filter_map(|(module, _)| missing(&module, &map, &modules)).collect();
    assert!(unknown.is_empty(), "ARCHITECTURE.md does not name {unknown:?}");
}

/// The name of a module that has no place on the map.
fn missing(module: &Module, map: &str, modules: &Layers) -> Option<String> {
    match module.as_slice() {
        [top] => (!modules.0.contains_key(top)).then(|| top.clone()),
        [storage, room, file] if storage == "storage" => {
            let (path, below) = (format!("`{room}/{file}`"), format!("`{file}`"));
            (!map.contains(&path) && !map.contains(&below)).then_some(path)
        }
        _ => None,
    }
}

/// The row of each module that a table lists, counted from the top.
struct Layers(HashMap<String, usize>);

impl Layers {
    fn of_table(head: &str) -> Self {
        let map = architecture();
        let rows =
            map.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with('|'));
        let first_cells = rows.filter_map(|row| row.split('|').nth(1));
        let named = first_cells
            .enumerate()
            .flat_map(|(row, cell)| cell.split('`').skip(1).step_by(2).map(move |name| (name.to_owned(), row)));
        let layers: HashMap<String, usize> = named.collect();
        assert!(layers.len() > 1, "ARCHITECTURE.md has no table that begins with {head}");
        Self(layers)
    }
}

/// Holds each import against the layers of both its ends; what has none is not asked.
fn check(layers: &Layers, layer_of: impl Fn(&Module) -> Option<&String>) {
    let row_of = |module: &Module| layer_of(module).and_then(|name| layers.0.get(name)).copied();
    let mut upward = BTreeSet::new();
    let mut seen = 0;
    for (module, file) in sources() {
        let Some(row) = row_of(&module) else { continue };
        for import in imports(&module, &file) {
            let Some(imported) = row_of(&import) else { continue };
            seen += usize::from(imported != row);
            if imported < row {
                upward.insert(format!("{} imports {}", module.join("::"), import.join("::")));
            }
        }
    }
    assert!(seen > 20, "only {seen} imports between layers were found");
    assert!(upward.is_empty(), "{upward:#?}");
}

/// The modules that a file names, by whatever kind of path, outside of its tests.
pub(crate) fn imports(module: &Module, file: &syn::File) -> Vec<Module> {
    let mut paths = Paths { module: module.clone(), found: Vec::new() };
    paths.visit_file(file);
    paths.found
}

struct Paths {
    module: Module,
    found: Vec<Module>,
}

impl Paths {
    /// Notes a path if it begins at a module of the crate.
    fn note(&mut self, path: &[String]) {
        let mut at = self.module.clone();
        let mut rest = path;
        match path.split_first() {
            Some((first, after)) if first == "crate" => (at, rest) = (Module::new(), after),
            Some((first, after)) if first == "self" => rest = after,
            Some((first, _)) if first == "super" => {}
            _ => return,
        }
        while let Some((first, after)) = rest.split_first().filter(|(first, _)| *first == "super") {
            assert!(at.pop().is_some(), "{first} leads out of the crate in {}", self.module.join("::"));
            rest = after;
        }
        self.found.push(at.into_iter().chain(rest.iter().cloned()).collect());
    }

    fn note_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| -> Vec<String> { before.iter().cloned().chain([name.to_string()]).collect() };
        match tree {
            UseTree::Path(path) => self.note_tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(name) => self.note(&with(&name.ident)),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(tree, before)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) if is_for_tests(&module.attrs) => {}
            Item::Mod(module) => {
                self.module.push(module.ident.to_string());
                visit::visit_item_mod(self, module);
                self.module.pop();
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&names);
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The library's modules, but for those that hold nothing but tests.
pub(crate) fn sources() -> Vec<(Module, syn::File)> {
    let root = library().join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push((module_of(&root, &path), path));
            }
        }
    }
    sources.retain(|(module, _)| !module.iter().any(|name| name == "tests"));
    assert!(sources.len() > 100, "only {} sources were found", sources.len());
    let parsed = |(module, path): (Module, PathBuf)| {
        let source = std::fs::read_to_string(&path).expect("a source");
        (module, syn::parse_file(&source).unwrap_or_else(|fault| panic!("{}: {fault}", path.display())))
    };
    sources.into_iter().map(parsed).collect()
}

fn module_of(root: &Path, file: &Path) -> Module {
    let path = file.strip_prefix(root).expect("a path below the root").with_extension("");
    path.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn architecture() -> String {
    std::fs::read_to_string(library().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md")
}

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dbcache")
}
