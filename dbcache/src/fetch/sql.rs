//! Query text: quoted names.
