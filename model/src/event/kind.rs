//! The kinds of events, as the journal names them. Never reused.

use super::What;

impl What {
    /// The kind as it stands in the journal (`dhcp.leased`).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ServerStarted { .. } => "server.started",
            Self::ServerStopped {} => "server.stopped",
            Self::ClusterApplied { .. } => "cluster.applied",
            Self::NetworkServed { .. } => "network.served",
            Self::NetworkRefused { .. } => "network.refused",
            Self::NetworkAbsent { .. } => "network.absent",
            Self::DhcpOffered { .. } => "dhcp.offered",
            Self::DhcpIgnored { .. } => "dhcp.ignored",
            Self::DhcpLeased { .. } => "dhcp.leased",
            Self::DhcpElsewhere { .. } => "dhcp.elsewhere",
            Self::DhcpRefused { .. } => "dhcp.refused",
            Self::DhcpInformed { .. } => "dhcp.informed",
            Self::DhcpReleased { .. } => "dhcp.released",
            Self::DhcpConflict { .. } => "dhcp.conflict",
            Self::Transfer(_) => "transfer",
            Self::ScriptServed { .. } => "script.served",
            Self::AnswersServed { .. } => "answers.served",
            Self::HookCalled { .. } => "hook.called",
            Self::HookRefused { .. } => "hook.refused",
            Self::TargetSet { .. } => "target.set",
            Self::DeploymentArmed { .. } => "deployment.armed",
            Self::ReadySeen { .. } => "deployment.ready",
            Self::StepBegan { .. } => "deployment.step",
            Self::StepEnded { .. } => "deployment.step-ended",
            Self::SystemAnswered { .. } => "system.answered",
            Self::DeploymentEnded { .. } => "deployment.ended",
            Self::InstallerSaid { .. } => "installer.said",
            Self::ImageAdded(_) => "image.added",
            Self::DiskImageAdded(_) => "image.disk_added",
            Self::AgentAdded(_) => "image.agent_added",
            Self::ImageRemoved {} => "image.removed",
            Self::MediumAdded(_) => "medium.added",
            Self::MediumRemoved {} => "medium.removed",
            Self::LoadersFound { .. } => "loaders.found",
            Self::CacheTrouble { .. } => "cache.trouble",
            Self::CacheRecovered { .. } => "cache.recovered",
            Self::Power { .. } => "power",
            Self::BmcBoot { .. } => "bmc.boot",
            Self::BmcFailed { .. } => "bmc.failed",
            Self::BmcTrusted { .. } => "bmc.trusted",
            Self::SshTrusted { .. } => "ssh.trusted",
            Self::SecretKept { .. } => "secret.kept",
            Self::SecretRemoved { .. } => "secret.removed",
            Self::ConsoleSaid { .. } => "console.said",
        }
    }
}
