//! From the settings that a user can write to the target that the engine dials.

use nudge_engine::{
    AllowedMethods, ChannelBinding, Host, Pem, Place, Secret, SessionAttributes, Target, Tcp, TcpKeepalive,
    Tls, TlsIdentity, TlsUsage, TlsVerify, TlsVersion,
};

use crate::settings::{
    self, Endpoint, HostSpec, Settings, SslMode, SslNegotiation, TlsSettings, Verification,
};

pub(crate) fn from_settings(settings: Settings) -> Target {
    let parameters = [("application_name", settings.application_name), ("options", settings.options)];
    let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Target {
        hosts: settings.hosts.iter().map(host).collect(),
        user: settings.user,
        database: settings.database,
        parameters: parameters.collect(),
        password: None,
        tls: tls(&settings.tls),
        channel_binding: match settings.channel_binding {
            settings::ChannelBinding::Disable => ChannelBinding::Disable,
            settings::ChannelBinding::Prefer => ChannelBinding::Prefer,
            settings::ChannelBinding::Require => ChannelBinding::Require,
        },
        allowed: AllowedMethods {
            none: settings.require_auth.permits(settings::AuthMethod::None),
            password: settings.require_auth.permits(settings::AuthMethod::Password),
            md5: settings.require_auth.permits(settings::AuthMethod::Md5),
            scram_sha_256: settings.require_auth.permits(settings::AuthMethod::ScramSha256),
        },
        tcp: Tcp {
            keepalive: settings
                .tcp
                .keepalive
                .map(|settings::Keepalive { idle, interval, count }| TcpKeepalive { idle, interval, count }),
            user_timeout: settings.tcp.user_timeout,
        },
        attributes: attributes(settings.target_session_attrs),
        shuffle: settings.load_balance_hosts == settings::LoadBalanceHosts::Random,
        peer: settings.require_peer.map(|peer| peer.id),
    }
}

/// Lets the server know the feed by its name, too.
pub(crate) fn add_name(target: &mut Target, name: Option<&str>) {
    let Some(name) = name else { return };
    let application = target.parameters.iter_mut().find(|(parameter, _)| parameter == "application_name");
    match application {
        Some((_, application)) => *application = format!("{application}:{name}"),
        None => target.parameters.push(("application_name".into(), name.into())),
    }
}

pub(crate) fn host(host: &HostSpec) -> Host {
    let place = match &host.endpoint {
        Endpoint::Name(name) => Place::Name(name.clone()),
        Endpoint::Address { address, name } => Place::Address { address: *address, name: name.clone() },
        Endpoint::Socket { .. } => Place::Socket(host.socket_path().unwrap_or_default()),
    };
    let password = host.password.as_ref().map(|password| Secret::from(password.reveal()));
    Host { place, port: host.port, password }
}

fn tls(tls: &TlsSettings) -> Tls {
    Tls {
        usage: match tls.mode {
            SslMode::Disable => TlsUsage::Disable,
            SslMode::Allow => TlsUsage::Allow,
            SslMode::Prefer => TlsUsage::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => TlsUsage::Require,
        },
        verify: match tls.verification() {
            Verification::Nothing => TlsVerify::Nothing,
            Verification::Chain => TlsVerify::Chain,
            Verification::ChainAndHost => TlsVerify::ChainAndHost,
        },
        direct: tls.negotiation == SslNegotiation::Direct,
        roots: match &tls.roots {
            settings::RootCertificates::File(path) => Some(Pem::File(path.clone())),
            settings::RootCertificates::System | settings::RootCertificates::Unchecked => None,
        },
        identity: tls.client.as_ref().map(|client| TlsIdentity {
            certificate: Pem::File(client.certificate.clone()),
            key: Pem::File(client.key.clone()),
            password: client.password.as_ref().map(|password| Secret::from(password.reveal())),
        }),
        server_name: tls.sni,
        min_version: tls.min_version.map(version),
        max_version: tls.max_version.map(version),
    }
}

fn version(version: settings::TlsVersion) -> TlsVersion {
    match version {
        settings::TlsVersion::V1_0 => TlsVersion::V1_0,
        settings::TlsVersion::V1_1 => TlsVersion::V1_1,
        settings::TlsVersion::V1_2 => TlsVersion::V1_2,
        settings::TlsVersion::V1_3 => TlsVersion::V1_3,
    }
}

fn attributes(attributes: settings::TargetSessionAttrs) -> SessionAttributes {
    match attributes {
        settings::TargetSessionAttrs::Any => SessionAttributes::Any,
        settings::TargetSessionAttrs::ReadWrite => SessionAttributes::ReadWrite,
        settings::TargetSessionAttrs::ReadOnly => SessionAttributes::ReadOnly,
        settings::TargetSessionAttrs::Primary => SessionAttributes::Primary,
        settings::TargetSessionAttrs::Standby => SessionAttributes::Standby,
        settings::TargetSessionAttrs::PreferStandby => SessionAttributes::PreferStandby,
    }
}
