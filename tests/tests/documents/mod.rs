//! The documents, tried: commands run, links lead somewhere, configuration is taken by those it is written for.

mod commands;
mod exact;
mod kubernetes;
mod links;
mod messages;
mod standalone;
mod table;
mod theatre;
mod yaml;
mod yarn;
