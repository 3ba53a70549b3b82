//! A distribution's kernel, whose drivers are all modules: they are found by what the hardware says of itself.

mod network_cards;
mod storage;
