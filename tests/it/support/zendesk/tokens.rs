//! The tokens that the tests' Zendesk has given, and what has become of them.

use uuid::Uuid;

/// Every pair of tokens ever given, by its id.
#[derive(Default)]
pub struct Tokens(Vec<Token>);

struct Token {
    access: String,
    refresh: String,
    state: TokenState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenState {
    Alive,
    Expired,
    Revoked,
}

impl Tokens {
    /// Gives a new pair: an access token and its refresh token.
    pub fn issue(&mut self) -> (String, String) {
        let access = format!("access-{}", Uuid::new_v4());
        let refresh = format!("refresh-{}", Uuid::new_v4());
        let (state, pair) = (TokenState::Alive, (access.clone(), refresh.clone()));
        self.0.push(Token { access, refresh, state });
        pair
    }

    /// The id of this access token, if it is alive.
    pub fn alive(&self, access: &str) -> Option<usize> {
        let alive = |token: &Token| token.state == TokenState::Alive && token.access == access;
        self.0.iter().position(alive)
    }

    /// Uses a refresh token up, and its access token with it. False if that is not possible.
    pub fn use_up(&mut self, refresh: &str) -> bool {
        let usable = |token: &Token| token.state != TokenState::Revoked && token.refresh == refresh;
        let id = self.0.iter().position(usable);
        id.map(|id| self.revoke(id)).is_some()
    }

    /// Ends a pair.
    pub fn revoke(&mut self, id: usize) {
        self.0[id].state = TokenState::Revoked;
    }

    /// Lets every access token expire.
    pub fn expire(&mut self) {
        for token in self.0.iter_mut().filter(|token| token.state == TokenState::Alive) {
            token.state = TokenState::Expired;
        }
    }

    /// Every access and refresh token.
    pub fn secrets(&self) -> Vec<String> {
        self.0.iter().flat_map(|token| [token.access.clone(), token.refresh.clone()]).collect()
    }

    /// How many tokens somebody could still use.
    pub fn usable_count(&self) -> usize {
        self.0.iter().filter(|token| token.state != TokenState::Revoked).count()
    }
}
