//! Power as people mean it: it is done when the machine is so, and a BMC that lacks something is helped.

use std::time::Duration;

use tokio::time::Instant;
use wire::ipmi::Control;

use super::facts::Power;
use super::{BmcError, Board};

/// How long a machine may take to be on or off after the BMC took the command. Large ones take 46 s to power up.
const CONFIRM: Duration = Duration::from_secs(90);
/// How often it is looked at: first soon, then seldom.
const LOOK: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// A power supply needs this long without a load before it may be switched on again.
const PAUSE: Duration = Duration::from_secs(5);

/// How a machine was switched on that was to be switched over.
pub const WAS_OFF: &str = "it was off";

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// On.
    On,
    /// Off at once.
    Off,
    /// The operating system is asked to shut down; off at once if it does not within `grace`.
    Soft {
        /// How long it may take; `None`: it is only asked.
        grace: Option<Duration>,
    },
    /// Off and on again. A machine that is off is switched on.
    Cycle,
    /// The reset button. A machine that is off is switched on.
    Reset,
    /// Nothing: how is it?
    Status,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What the machine is now.
    pub power: Power,
    /// What was done that was not asked for in these words.
    pub how: Option<&'static str>,
}

/// Does it, and waits until it is so.
///
/// # Errors
/// The BMC refuses, is gone, or said yes and nothing came of it.
pub async fn carry_out(board: &Board, action: Action) -> Result<Done, BmcError> {
    let done = |power| Done { power, how: None };
    match action {
        Action::Status => board.power().await.map(done),
        Action::On => switch(board, Power::On).await.map(done),
        Action::Off => switch(board, Power::Off).await.map(done),
        Action::Soft { grace } => soft(board, grace).await,
        Action::Cycle => cycle(board).await,
        Action::Reset => reset(board).await,
    }
}

async fn switch(board: &Board, wanted: Power) -> Result<Power, BmcError> {
    let control = match wanted {
        Power::On => Control::On,
        Power::Off => Control::Off,
    };
    match board.control(control).await {
        // Off when it is off, on when it is on: some BMCs refuse what is so already.
        Err(error) if !error.is_passing() && board.power().await.is_ok_and(|power| power == wanted) => {
            tracing::debug!(bmc = board.address(), %error, "refused, and it is so already");
        }
        other => other?,
    }
    confirm(board, wanted, CONFIRM).await
}

/// Waits until it is so.
async fn confirm(board: &Board, wanted: Power, within: Duration) -> Result<Power, BmcError> {
    let began = Instant::now();
    let mut looks = LOOK.into_iter();
    let mut pause = LOOK[0];
    loop {
        match board.power().await {
            Ok(power) if power == wanted => return Ok(power),
            Ok(_) => {}
            // BMCs are busy while they switch.
            Err(error) if error.is_passing() && began.elapsed() < within => {}
            Err(error) => return Err(error),
        }
        if began.elapsed() >= within {
            return Err(BmcError::Unchanged {
                address: board.address().into(),
                state: match wanted {
                    Power::On => "off",
                    Power::Off => "on",
                },
                seconds: within.as_secs(),
            });
        }
        pause = looks.next().unwrap_or(pause);
        tokio::time::sleep(pause).await;
    }
}

async fn soft(board: &Board, grace: Option<Duration>) -> Result<Done, BmcError> {
    if board.power().await? == Power::Off {
        return Ok(Done {
            power: Power::Off,
            how: Some(WAS_OFF),
        });
    }
    board.control(Control::Soft).await?;
    let Some(grace) = grace else {
        return Ok(Done {
            power: board.power().await?,
            how: Some("asked to shut down"),
        });
    };
    match confirm(board, Power::Off, grace).await {
        Ok(power) => Ok(Done { power, how: None }),
        Err(BmcError::Unchanged { .. }) => Ok(Done {
            power: switch(board, Power::Off).await?,
            how: Some("it did not shut down in time, and was switched off"),
        }),
        Err(error) => Err(error),
    }
}

async fn cycle(board: &Board) -> Result<Done, BmcError> {
    if board.power().await? == Power::Off {
        return Ok(Done {
            power: switch(board, Power::On).await?,
            how: Some(WAS_OFF),
        });
    }
    let native = match board.quirks.no_cycle {
        true => false,
        false => match board.control(Control::Cycle).await {
            Ok(()) => true,
            Err(error) if error.is_unsupported() || error.is_about_the_state() => false,
            Err(error) => return Err(error),
        },
    };
    if native {
        // Seen on at once, it may be on still: it is on for good when it is so after the time that a cycle takes.
        tokio::time::sleep(PAUSE).await;
        let power = confirm(board, Power::On, CONFIRM).await?;
        return Ok(Done { power, how: None });
    }
    switch(board, Power::Off).await?;
    tokio::time::sleep(PAUSE).await;
    Ok(Done {
        power: switch(board, Power::On).await?,
        how: Some("off and on: the BMC has no power cycle"),
    })
}

async fn reset(board: &Board) -> Result<Done, BmcError> {
    match board.control(Control::Reset).await {
        Ok(()) => Ok(Done {
            power: confirm(board, Power::On, CONFIRM).await?,
            how: None,
        }),
        Err(error) if error.is_about_the_state() || board.power().await? == Power::Off => Ok(Done {
            power: switch(board, Power::On).await?,
            how: Some(WAS_OFF),
        }),
        Err(error) if error.is_unsupported() => {
            let mut done = cycle(board).await?;
            done.how = Some("power cycle: the BMC has no reset");
            Ok(done)
        }
        Err(error) => Err(error),
    }
}
