//! EC2 discovery, against answers in the shape of its query API.

use std::path::Path;

use axum::Router;
use axum::extract::Form;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::found::{addresses, assert_labels, changed, discover, labels_at, serve};

const FIRST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <reservationSet>
    <item>
      <ownerId>123456789012</ownerId>
      <instancesSet>
        <item>
          <instanceId>i-1</instanceId><imageId>ami-1</imageId><architecture>x86_64</architecture>
          <instanceState><code>16</code><name>running</name></instanceState>
          <privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName>ec2-1.example.com</dnsName>
          <instanceType>t3.micro</instanceType><instanceLifecycle>spot</instanceLifecycle>
          <placement><availabilityZone>eu-west-1a</availabilityZone></placement>
          <subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
          <privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>198.51.100.1</ipAddress>
          <tagSet><item><key>Name</key><value>web &amp; api</value></item><item><key>team:x</key><value>a</value></item></tagSet>
          <networkInterfaceSet>
            <item><subnetId>subnet-1</subnetId><attachment><deviceIndex>0</deviceIndex></attachment>
              <ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address><isPrimaryIpv6>true</isPrimaryIpv6></item></ipv6AddressesSet></item>
            <item><subnetId>subnet-2</subnetId><attachment><deviceIndex>1</deviceIndex></attachment>
              <ipv6AddressesSet><item><ipv6Address>2001:db8::2</ipv6Address></item></ipv6AddressesSet></item>
          </networkInterfaceSet>
        </item>
        <item><instanceId>i-terminated</instanceId></item>
      </instancesSet>
    </item>
  </reservationSet>
  <nextToken>page2</nextToken>
</DescribeInstancesResponse>"#;

const SECOND: &str = r#"<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>
<ownerId>1</ownerId><instancesSet><item><instanceId>i-2</instanceId><privateIpAddress>10.0.0.2</privateIpAddress></item></instancesSet>
</item></reservationSet></DescribeInstancesResponse>"#;

const ZONES: &str = r#"<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><availabilityZoneInfo>
<item><zoneName>eu-west-1a</zoneName><zoneId>euw1-az2</zoneId></item></availabilityZoneInfo></DescribeAvailabilityZonesResponse>"#;

async fn answer(headers: HeaderMap, Form(form): Form<Vec<(String, String)>>) -> Response {
    let value = |name: &str| {
        form.iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    };
    let authorization = headers[header::AUTHORIZATION].to_str().expect("a text");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AK/")
            && authorization.contains("/eu-west-1/ec2/aws4_request, SignedHeaders=content-type;host;x-amz-date"),
        "{authorization}"
    );
    assert_eq!(value("Version"), Some("2016-11-15"));
    match (value("Action"), value("NextToken")) {
        (Some("DescribeAvailabilityZones"), _) => ZONES.into_response(),
        (Some("DescribeInstances"), None) => {
            assert_eq!(value("Filter.1.Name"), Some("tag:env"));
            assert_eq!(value("Filter.1.Value.2"), Some("staging"));
            FIRST.into_response()
        }
        (Some("DescribeInstances"), Some("page2")) => SECOND.into_response(),
        other => (StatusCode::BAD_REQUEST, format!("{other:?}")).into_response(),
    }
}

#[tokio::test]
async fn instances_are_read_page_by_page() {
    let server = serve(Router::new().route("/", post(answer))).await;
    let section = format!(
        "ec2_sd_configs: [{{endpoint: 'http://{server}/', region: eu-west-1, access_key: AK, secret_key: SK, port: 9100, \
         filters: [{{name: 'tag:env', values: [prod, staging]}}]}}]"
    );
    let groups = changed(&mut discover(&section, Path::new("."))).await;
    assert_eq!(addresses(&groups), ["10.0.0.1:9100", "10.0.0.2:9100"]);
    assert_labels(
        labels_at(&groups, "10.0.0.1:9100"),
        &[
            ("__meta_ec2_ami", "ami-1"),
            ("__meta_ec2_architecture", "x86_64"),
            ("__meta_ec2_availability_zone", "eu-west-1a"),
            ("__meta_ec2_availability_zone_id", "euw1-az2"),
            ("__meta_ec2_instance_id", "i-1"),
            ("__meta_ec2_instance_lifecycle", "spot"),
            ("__meta_ec2_instance_state", "running"),
            ("__meta_ec2_instance_type", "t3.micro"),
            ("__meta_ec2_ipv6_addresses", ",2001:db8::1,2001:db8::2,"),
            ("__meta_ec2_owner_id", "123456789012"),
            ("__meta_ec2_primary_ipv6_addresses", ",2001:db8::1,"),
            ("__meta_ec2_primary_subnet_id", "subnet-1"),
            ("__meta_ec2_private_dns_name", "ip-10-0-0-1.ec2.internal"),
            ("__meta_ec2_private_ip", "10.0.0.1"),
            ("__meta_ec2_public_dns_name", "ec2-1.example.com"),
            ("__meta_ec2_public_ip", "198.51.100.1"),
            ("__meta_ec2_region", "eu-west-1"),
            ("__meta_ec2_subnet_id", ",subnet-1,subnet-2,"),
            ("__meta_ec2_tag_Name", "web & api"),
            ("__meta_ec2_tag_team_x", "a"),
            ("__meta_ec2_vpc_id", "vpc-1"),
        ],
    );
    assert_labels(
        labels_at(&groups, "10.0.0.2:9100"),
        &[("__meta_ec2_vpc_id", ""), ("__meta_ec2_owner_id", "1")],
    );
}
