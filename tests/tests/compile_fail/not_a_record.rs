use dbcache::Record;

struct User {
    id: i64,
}

fn table<T: Record>() -> String {
    T::schema().table().to_string()
}

fn main() {
    table::<User>();
    let _ = |user: User| user.id;
}
